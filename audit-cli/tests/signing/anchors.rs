//! Checkpoints that are brought out of reach, and taken from there to verify.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use audit_core::note::SignedNote;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::*;

/// A place on the web: it keeps what is posted to it, by path, and gives it back.
struct Site {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    posted: Vec<String>,
    /// By which it answers who posts; it keeps what it answers with 201.
    status: u16,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { posted: Vec::new(), status: 201 }));
        let shared = Arc::clone(&state);
        // It ends with the process of the test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &shared);
            }
        });
        Self { address, state }
    }

    fn url(&self) -> String {
        format!("http://user:secret@{}/notes?token=secret", self.address)
    }

    fn posted(&self) -> Vec<String> {
        self.state.lock().unwrap().posted.clone()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", count)) => length = count.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut state = state.lock().unwrap();
    let (status, answer) = if first.starts_with("POST /notes?token=secret ") {
        if state.status == 201 {
            state.posted.push(String::from_utf8(body).unwrap());
        }
        (state.status, String::new())
    } else {
        let last = state.posted.last().filter(|_| first.starts_with("GET /last "));
        last.map_or((404, String::new()), |body| (200, body.clone()))
    };
    let answer = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    );
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
}

/// A database whose log is signed, and a policy that names this log alone.
async fn case() -> Case {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let policy = case.text("out/policy");
    let standard: Vec<_> = policy.lines().filter(|line| !line.contains("/audit/audit")).collect();
    std::fs::write(case.path("policy"), standard.join("\n") + "\n").unwrap();
    case
}

async fn connection(case: &Case) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(case.path("audit.db"));
    options.connect().await.unwrap()
}

/// What somebody does who can write to the database.
async fn execute(case: &Case, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&mut connection(case).await).await.unwrap();
}

const POLICY: [&str; 3] = ["anchor", "--policy", "policy"];

#[tokio::test]
async fn a_checkpoint_is_brought_everywhere_once_and_its_places_are_noted_without_secrets() {
    let case = case().await;
    let site = Site::start();
    let url = site.url();
    let command = "cat > given; echo \"$AUDIT_LOG $AUDIT_SIZE $AUDIT_ROOT\" > told";
    let anchor = [&POLICY[..], &["--into", "vault", "--url", &url, "--command", command]].concat();
    let said = case.good(&anchor);
    let (note, checkpoint) = case.published();
    let line = format!("{LOG} 3 {}", checkpoint.root);
    let (public, shell) = (format!("http://{}/notes", site.address), "command cat");
    assert_eq!(said, format!("{line} vault\n{line} {public}\n{line} {shell}\n"));
    assert_eq!(case.text("vault/cli.example-audit-standard.checkpoint"), note.to_string());
    assert_eq!(site.posted(), [note.to_string()]);
    assert_eq!((case.text("given"), case.text("told")), (note.to_string(), line + "\n"));

    // What is there already is not brought again.
    assert_eq!(case.good(&anchor), "");
    case.record(2).await;
    case.good(&SIGN);
    assert_eq!(case.good(&anchor).lines().count(), 3);
    assert_eq!(site.posted().len(), 2);
    let json = case.good(&["checkpoint", "--log", LOG, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let anchors = json[0]["anchors"].as_array().unwrap();
    let noted: Vec<_> = anchors.iter().map(|anchor| (&anchor["place"], &anchor["size"])).collect();
    assert_eq!(
        noted,
        [(&shell.into(), &5.into()), (&public.into(), &5.into()), (&"vault".into(), &5.into())]
    );
    assert!(!json.to_string().contains("secret"));
}

#[tokio::test]
async fn a_place_that_takes_nothing_is_told_of_and_asked_again() {
    let case = case().await;
    let site = Site::start();
    site.state.lock().unwrap().status = 500;
    let url = site.url();
    let answer = case.audit(&[&POLICY[..], &["--url", &url, "--into", "vault"]].concat());
    assert_eq!(answer.code, Some(2));
    assert_eq!(answer.stdout.lines().count(), 1, "the other place has it: {}", answer.stdout);
    assert!(answer.stderr.contains("the answer is 500") && !answer.stderr.contains("secret"));
    site.state.lock().unwrap().status = 201;
    case.good(&[&POLICY[..], &["--url", &url]].concat());
    assert_eq!(site.posted().len(), 1);

    for (command, deadline, says) in
        [("exit 3", "30", "exit status: 3"), ("sleep 60", "1", "within 1 s")]
    {
        let place = ["--command", command, "--deadline", deadline];
        let answer = case.audit(&[&POLICY[..], &place].concat());
        assert_eq!((answer.code, &*answer.stdout), (Some(2), ""), "{command}: {}", answer.stderr);
        assert!(answer.stderr.contains(says), "{}", answer.stderr);
    }
    for (place, says) in [(vec!["--url", "ftp://a.example"], "https://"), (vec![], "--into")] {
        let answer = case.audit(&[&POLICY[..], &place].concat());
        assert_eq!(answer.code, Some(2), "{place:?}");
        assert!(answer.stderr.contains(says), "{}", answer.stderr);
    }
}

#[tokio::test]
async fn what_goes_back_is_brought_nowhere() {
    let case = case().await;
    let backup = sqlx::query("VACUUM INTO ?").bind(case.path("before.db").display().to_string());
    backup.execute(&mut connection(&case).await).await.unwrap();
    case.record(2).await;
    case.good(&SIGN);
    case.good(&[&POLICY[..], &["--into", "vault"]].concat());
    // The database comes back from a backup: the folder remembers.
    for file in ["audit.db-wal", "audit.db-shm"] {
        let _ = std::fs::remove_file(case.path(file));
    }
    std::fs::copy(case.path("before.db"), case.path("audit.db")).unwrap();
    let answer = case.audit(&[&POLICY[..], &["--into", "vault", "--command", "true"]].concat());
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    assert!(answer.stderr.contains("FORKED: `vault"), "{}", answer.stderr);
    assert!(answer.stdout.ends_with(" command true\n"), "it knows of nothing: {}", answer.stdout);
    // Where the place itself remembers nothing, the list does.
    let noted = "INSERT INTO audit_anchor (log_id, place, size, root, at) \
                 SELECT log_id, 'command false', 9, root, 0 FROM audit_log";
    execute(&case, noted).await;
    let answer = case.audit(&[&POLICY[..], &["--command", "false"]].concat());
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains("told of to `command false`"), "{}", answer.stderr);
}

#[tokio::test]
async fn it_goes_on_until_it_is_interrupted_and_says_so_when_the_log_was_forked() {
    let case = case().await;
    let mut command = case.command(&[&POLICY[..], &["--into", "vault", "--every", "1"]].concat());
    let running = Running(command.stdout(Stdio::null()).spawn().unwrap());
    let size = || {
        let path = case.path("vault/cli.example-audit-standard.checkpoint");
        let note: SignedNote = std::fs::read_to_string(path).ok()?.parse().ok()?;
        Some(note.text().parse::<Checkpoint>().unwrap().size)
    };
    until("anchored", || size() == Some(3));
    case.record(4).await;
    case.good(&SIGN);
    until("anchored again", || size() == Some(7));
    assert_eq!(running.interrupted(), Some(0));
}

#[tokio::test]
async fn keys_that_come_and_go_while_it_goes_on_are_those_of_its_next_round() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let policy = case.text("out/policy");
    let mut keys = policy.lines().filter_map(|line| line.strip_prefix("log "));
    let old = keys.find(|key| key.starts_with(LOG)).unwrap();
    let anchor = ["anchor", "--policy", "out/policy", "--into", "vault", "--every", "1"];
    let running = Running(case.command(&anchor).stdout(Stdio::null()).spawn().unwrap());
    let file = case.path("vault/cli.example-audit-standard.checkpoint");
    let anchored = || std::fs::read_to_string(&file).ok();
    until("anchored", || anchored().is_some());
    case.good(&["keys", "rotate", "--keys", "keys", LOG]);
    case.good(&SIGN);
    case.good(&["keys", "revoke", "--keys", "keys", old]);
    case.record(1).await;
    case.good(&SIGN);
    let (last, _) = case.published();
    assert!(last.verified(&[old.parse().unwrap()]).is_err());
    until("anchored by the new key", || anchored() == Some(last.to_string()));
    assert_eq!(running.interrupted(), Some(0));
}

#[tokio::test]
async fn a_log_is_verified_against_a_checkpoint_that_stands_on_the_web() {
    let case = case().await;
    let site = Site::start();
    case.good(&[&POLICY[..], &["--url", &site.url()]].concat());
    let last = format!("http://user:secret@{}/last", site.address);
    let verify = ["verify", "--policy", "policy", "--checkpoint", &last];
    let said = case.good(&verify);
    let told =
        format!("compared with the checkpoint of 3 entries from http://{}/last", site.address);
    assert!(said.contains(&told), "{said}");

    let nothing = format!("http://{}/nothing", site.address);
    let answer = case.audit(&["verify", "--policy", "policy", "--checkpoint", &nothing]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("the answer is 404"), "{}", answer.stderr);
}

#[tokio::test]
async fn a_verification_goes_on_where_the_last_one_ended_and_keeps_where_it_has_come_to() {
    let case = Case::new(600).await;
    case.good(&ADOPT);
    let verify = [&VERIFY[..], &["--resume", "verified"]].concat();
    assert!(!case.good(&verify).contains("were not read"));
    case.record(10).await;
    case.good(&SIGN);
    let said = case.good(&verify);
    assert!(said.contains("entries below 512 were not read"), "{said}");
    let kept = case.text("verified/cli.example-audit-standard.verified");
    assert_eq!(kept, case.published().0.to_string());

    // What was not looked at was not verified.
    assert_eq!(case.audit(&[&verify[..], &["--quick"]].concat()).code, Some(2));
    // With a finding it stays where it was.
    case.record(10).await;
    case.good(&SIGN);
    let tampered = "DROP TRIGGER audit_entry_update; \
                    UPDATE audit_entry SET canon = replace(canon, 'invoice.pay', 'invoice.pry') \
                    WHERE idx = 613 AND log_id IN (SELECT log_id FROM audit_log WHERE class = 'standard')";
    execute(&case, tampered).await;
    let answer = case.audit(&verify);
    assert_eq!(answer.code, Some(1), "{}", answer.stdout);
    assert_eq!(case.text("verified/cli.example-audit-standard.verified"), kept);
}

#[tokio::test]
async fn a_folder_of_checkpoints_is_not_taken_for_what_was_verified() {
    let case = Case::new(600).await;
    case.good(&ADOPT);
    let tampered = "DROP TRIGGER audit_entry_update; UPDATE audit_entry SET actor = 'nobody' \
                    WHERE idx = 3 AND log_id IN (SELECT log_id FROM audit_log WHERE class = 'standard')";
    execute(&case, tampered).await;
    let answer = case.audit(&[&VERIFY[..], &["--resume", "out"]].concat());
    assert_eq!(answer.code, Some(1), "{}", answer.stdout);
    assert!(answer.stdout.contains("COLUMN_MISMATCH"), "{}", answer.stdout);
}

#[tokio::test]
async fn what_was_warned_of_is_read_again() {
    let case = Case::new(600).await;
    case.good(&ADOPT);
    case.record(1).await;
    let warned = [&VERIFY[..], &["--resume", "verified", "--unsealed-after", "0s"]].concat();
    assert_eq!(case.audit(&warned).code, Some(3));
    assert!(!case.path("verified").exists());
}

#[tokio::test]
async fn the_checkpoint_of_another_log_is_brought_nowhere() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let swapped = "INSERT INTO audit_checkpoint (log_id, size, root, note, signed_at) \
                   SELECT s.log_id, 1000, c.root, c.note, c.signed_at \
                   FROM audit_log s, audit_log a JOIN audit_checkpoint c ON c.log_id = a.log_id \
                   WHERE s.class = 'standard' AND a.class = 'audit'";
    execute(&case, swapped).await;
    let answer = case.audit(&["anchor", "--policy", "out/policy", "--into", "vault"]);
    assert_eq!(answer.code, Some(1), "{}", answer.stdout);
    assert!(answer.stderr.contains("is one of cli.example/audit/audit"), "{}", answer.stderr);
    assert!(!answer.stdout.contains(LOG), "{}", answer.stdout);
}

#[tokio::test]
async fn that_a_folder_has_a_checkpoint_is_not_believed_of_the_database() {
    let case = case().await;
    let noted = "INSERT INTO audit_anchor (log_id, place, size, root, at) \
                 SELECT log_id, 'vault', size, root, 0 FROM audit_checkpoint";
    execute(&case, noted).await;
    let into = [&POLICY[..], &["--into", "vault"]].concat();
    assert!(case.good(&into).ends_with(" vault\n"));
    assert_eq!(
        case.text("vault/cli.example-audit-standard.checkpoint"),
        case.published().0.to_string()
    );
    assert_eq!(case.good(&into), "");
}

#[tokio::test]
async fn places_that_cannot_be_told_apart_are_refused_and_no_secret_names_one() {
    let case = case().await;
    let same = ["--command", "cat > first", "--command", "cat > second"];
    let answer = case.audit(&[&POLICY[..], &same].concat());
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("two places are noted as `command cat`"), "{}", answer.stderr);
    let said = case.good(&[&POLICY[..], &["--command", "TOKEN=secret cat > third"]].concat());
    assert!(said.ends_with(" command sh\n"), "{said}");
    assert!(case.path("third").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_lies_in_a_folder_leads_to_no_other_file() {
    let case = case().await;
    std::fs::create_dir(case.path("vault")).unwrap();
    std::fs::write(case.path("other"), "precious").unwrap();
    let link = case.path("vault/cli.example-audit-standard.next");
    std::os::unix::fs::symlink(case.path("other"), link).unwrap();
    case.good(&[&POLICY[..], &["--into", "vault"]].concat());
    assert_eq!(case.text("other"), "precious");
    assert!(case.path("vault/cli.example-audit-standard.checkpoint").exists());
}
