//! Giving way between the steps of a call, and being cut off there.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// Lets other futures of the same task go first, once.
pub(crate) async fn give_way() {
    let mut gave_way = false;
    poll_fn(|context| {
        if gave_way {
            return Poll::Ready(());
        }
        gave_way = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs a future, and drops it after so many polls, as if its process had been killed there. `None`
/// if it was dropped. The fakes give way before and after every effect, so that a loop over `polls`
/// visits each moment at which a process can end.
pub async fn crash_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}
