//! When something that goes on is to end.

use std::io;

/// Ends when the process is asked to end, by SIGINT or SIGTERM: from this call on, whenever what it gives is waited for.
pub(crate) fn asked() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
}

/// Whether nobody reads any more what goes to stdout, as far as that can be known before something is written.
pub(crate) fn is_unread() -> bool {
    #[cfg(unix)]
    {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let stdout = io::stdout();
        // A pipe whose other end is closed says so unasked.
        let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
        let answered = poll(&mut asked, Some(&Timespec::default()));
        answered.is_ok() && asked.iter().any(|fd| fd.revents().contains(PollFlags::ERR))
    }
    #[cfg(not(unix))]
    false
}
