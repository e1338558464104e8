//! Limits how many still-running messages a server sends, however many calls ask for however short a period.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::sync::Mutex;

/// The time per message. With it 64 calls, the default concurrency, can each send one every 32 ms.
const INTERVAL: Duration = Duration::from_micros(500);
/// How many messages may be sent at once after a pause.
const BURST: u32 = 40;

/// Gives each still-running message of one server a slot of its own.
///
/// There is one slot per interval, and it is open for as long as a burst takes. A call that is due reserves the earliest
/// slot that is left, so the calls that are due take turns: none waits for more slots than there are calls. A slot that
/// was not used is free for other calls. No call depends on another one, whose thread may be blocked, to make use of its
/// slot.
#[derive(Default)]
pub(crate) struct MonitorPace(Mutex<Slots>);

#[derive(Default)]
struct Slots {
    /// When the slot with the number 0 ends: when the first one was reserved.
    origin: Option<Instant>,
    /// The first slot that was never reserved.
    next: u64,
    /// Slots that were reserved and not used. At most one for each call that was ever due at the same time.
    returned: BinaryHeap<Reverse<u64>>,
}

/// A reserved slot. Goes back when it is dropped, unless it was used.
struct Slot<'a> {
    pace: &'a MonitorPace,
    number: u64,
    opens: Instant,
    ends: Instant,
    used: bool,
}

impl MonitorPace {
    /// Waits until a message may be sent, and counts it as sent.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped before it completes counts no message.
    pub(super) async fn turn(&self) {
        loop {
            let now = Instant::now();
            let mut slot = self.reserve(now);
            if slot.opens > now {
                sleep_until(slot.opens).await;
            }
            // A task that was woken too late needs another slot: all late tasks together would exceed the burst.
            if Instant::now() < slot.ends {
                slot.used = true;
                return;
            }
        }
    }

    fn reserve(&self, now: Instant) -> Slot<'_> {
        let mut slots = self.0.lock();
        let origin = *slots.origin.get_or_insert(now);
        let number = slots.earliest(now.saturating_duration_since(origin));
        drop(slots);
        let ends = Duration::from_micros(number * INTERVAL.as_micros() as u64);
        let opens = ends.saturating_sub(INTERVAL * BURST);
        Slot { pace: self, number, opens: origin + opens, ends: origin + ends, used: false }
    }
}

impl Slots {
    /// Takes the earliest slot that has not ended so long after the origin.
    fn earliest(&mut self, elapsed: Duration) -> u64 {
        let first = (elapsed.as_micros() / INTERVAL.as_micros()) as u64 + 1;
        while let Some(Reverse(number)) = self.returned.pop() {
            if number >= first {
                return number;
            }
        }
        let number = self.next.max(first);
        self.next = number + 1;
        number
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if !self.used {
            self.pace.0.lock().returned.push(Reverse(self.number));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use futures_util::future::join_all;
    use futures_util::{FutureExt, poll};
    use tokio::time::{advance, sleep, timeout_at};

    use super::*;

    /// Takes a turn every period until the time is over. Returns when the turns came, and the longest wait for one.
    async fn calls(
        pace: &MonitorPace,
        period: Duration,
        time: Duration,
    ) -> (Vec<Instant>, Duration) {
        let (mut turns, mut longest) = (Vec::new(), Duration::ZERO);
        let end = Instant::now() + time;
        let mut due = Instant::now() + period;
        while due < end {
            sleep_until(due).await;
            let asked = Instant::now();
            if timeout_at(end, pace.turn()).await.is_err() {
                break;
            }
            turns.push(Instant::now());
            longest = longest.max(asked.elapsed());
            due = (due + period).max(Instant::now());
        }
        (turns, longest)
    }

    /// Asserts that no time saw more messages than the limit allows.
    fn assert_paced(mut turns: Vec<Instant>) {
        turns.sort();
        for (first, since) in turns.iter().enumerate() {
            for (last, until) in turns.iter().enumerate().skip(first) {
                let (count, time) = (last - first + 1, *until - *since);
                let most = time.as_micros() / INTERVAL.as_micros() + u128::from(BURST) + 1;
                assert!(count as u128 <= most, "{count} messages in {time:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_ask_for_too_much_share_one_message_per_interval() {
        let pace = MonitorPace::default();
        let time = Duration::from_secs(1);
        let greedy = || calls(&pace, Duration::from_millis(1), time);
        let results = join_all((0..60).map(|_| greedy())).await;
        let shares: Vec<_> = results.iter().map(|(turns, _)| turns.len()).collect();
        let sent: usize = shares.iter().sum();
        assert!((1_990..=2_041).contains(&sent), "{sent} messages in a second");
        assert!(shares.iter().all(|share| (32..=35).contains(share)), "{shares:?}");
        assert_paced(results.into_iter().flat_map(|(turns, _)| turns).collect());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_with_an_ordinary_period_waits_for_at_most_one_slot_of_every_other_call() {
        let pace = MonitorPace::default();
        let time = Duration::from_secs(5);
        let greedy = join_all((0..60).map(|_| calls(&pace, Duration::from_millis(1), time)));
        let ordinary = calls(&pace, Duration::from_millis(500), time);
        let ((turns, longest), _) = tokio::join!(ordinary, greedy);
        assert!(turns.len() >= 9, "{} messages", turns.len());
        // Timers have a resolution of 1 ms.
        let most = INTERVAL * 61 + Duration::from_millis(1);
        assert!(longest <= most, "waited {longest:?}, more than {most:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_within_the_limit_never_wait() {
        let pace = MonitorPace::default();
        let second = Duration::from_secs(1);
        let results = join_all((0..40).map(|_| calls(&pace, second, second * 10))).await;
        for (turns, longest) in results {
            assert_eq!((turns.len(), longest), (9, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_end_while_they_wait_use_no_slots() {
        let pace = MonitorPace::default();
        let mut waiting: Vec<_> = (0..BURST + 10).map(|_| Box::pin(pace.turn())).collect();
        let ready = waiting.iter_mut().filter_map(|turn| turn.now_or_never()).count();
        assert_eq!(ready as u32, BURST);
        for _ in 0..100_000 {
            assert!(poll!(pin!(pace.turn())).is_pending());
        }
        let asked = Instant::now();
        pace.turn().await;
        let waited = asked.elapsed();
        assert!(waited <= INTERVAL * 11 + Duration::from_millis(1), "{waited:?}");
        assert!(pace.0.lock().returned.len() <= 1);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_whose_threads_are_blocked_delay_no_other_call() {
        let pace = MonitorPace::default();
        let mut blocked: Vec<_> = (0..200).map(|_| Box::pin(pace.turn())).collect();
        for turn in &mut blocked {
            let _ = poll!(turn);
        }
        // Their slots are over.
        sleep(INTERVAL * 200).await;
        for _ in 0..BURST / 2 {
            assert!(pace.turn().now_or_never().is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_all_late_exceed_no_burst() {
        let pace = Arc::new(MonitorPace::default());
        let mut late: Vec<_> = (0..200).map(|_| Box::pin(pace.turn())).collect();
        for turn in &mut late {
            let _ = poll!(turn);
        }
        late.drain(..BURST as usize);
        advance(Duration::from_secs(10)).await;
        let ready = late.iter_mut().filter_map(|turn| turn.now_or_never()).count();
        assert_eq!(ready as u32, BURST);
    }
}
