//! `audit sign`

use std::fs;
use std::time::Duration;

use audit_core::note::Checkpoint;
use audit_core::signer::{SignError, Signer};

use crate::args::Sign;
use crate::database::Database;
use crate::output::{Failure, answer, complain, printable};
use crate::{FINDINGS, OK, files};

pub(crate) async fn run(args: Sign) -> Result<u8, Failure> {
    let reader = Database::of(&args.database_url)?.read().await?;
    let mut signer = match args.adopt {
        true => Signer::adopt(reader, &args.keys).await?,
        false => Signer::open(reader, &args.keys).await?,
    };
    let Some(seconds) = args.every else {
        return sign(&mut signer, &args).await;
    };
    loop {
        match sign(&mut signer, &args).await {
            Ok(OK) => {}
            // A database that is away comes back; what was kept of what was signed does not.
            Err(failure @ Failure::Sign(SignError::Store(_))) => complain(&failure),
            ended => return ended,
        }
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => return stopped.map(|()| OK).map_err(Failure::from),
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        }
    }
}

/// Signs what there is, and says so.
async fn sign(signer: &mut Signer, args: &Sign) -> Result<u8, Failure> {
    let notes = match signer.sign().await {
        Err(error @ (SignError::Forked { .. } | SignError::Truncated { .. })) => {
            complain(&error.into());
            return Ok(FINDINGS);
        }
        notes => notes?,
    };
    if let Some(into) = &args.into {
        fs::create_dir_all(into).map_err(|why| Failure::File(into.clone(), Box::new(why)))?;
        files::write(&into.join("policy"), &signer.policy().to_string())?;
        for note in &notes {
            let origin = note.text().lines().next().unwrap_or_default();
            files::write(&into.join(file_name(origin)), &note.to_string())?;
        }
    }
    answer(|out| {
        for note in &notes {
            let checkpoint = note.text().parse::<Checkpoint>();
            let told = checkpoint.map(|c| format!("{} {} {}", c.origin, c.size, c.root));
            writeln!(out, "{}", printable(&told.unwrap_or_default()))?;
        }
        Ok(())
    })?;
    Ok(OK)
}

/// A log's name as that of a file: no two logs have the same.
fn file_name(origin: &str) -> String {
    let mut name = String::new();
    for byte in origin.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' => name.push(byte.into()),
            b'/' => name.push('-'),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    format!("{name}.checkpoint")
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn logs_have_files_of_their_own_that_stay_in_the_folder() {
        assert_eq!(file_name("a.example/audit/standard"), "a.example-audit-standard.checkpoint");
        let names = ["a/b", "a-b", "a%2Db", "../a", "ä"].map(file_name);
        let mut distinct = names.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
        assert!(names.iter().all(|name| !name.contains('/')));
    }
}
