//! What has not arrived so far, and why.

use std::sync::Arc;

use crate::setup::batch::Account;

/// Of all exporters.
#[derive(Debug)]
pub(super) struct Standing(Vec<One>);

/// What was lost in a while, or is untold, and why the last of it was; without a cause there was no room for it.
pub(super) type Loss = (u64, Option<String>);

#[derive(Debug, Default)]
struct One {
    lost: u64,
    /// Of that, what the queue had no room for.
    for_room: u64,
    /// Why the last of the rest was lost.
    cause: Option<String>,
    /// Of what is lost, what nobody was told of.
    untold: Loss,
    /// Not lost yet.
    waiting: u64,
    has_timed_out: bool,
}

impl Standing {
    pub(super) fn of(accounts: &[Arc<Account>]) -> Self {
        Self(accounts.iter().map(|account| One::of(account)).collect())
    }

    /// What was lost since then.
    pub(super) fn since(&self, before: &Self) -> Loss {
        let both = self.0.iter().zip(&before.0);
        sum(both.map(|(now, before)| now.since(before)))
    }

    pub(super) fn untold(&self) -> Loss {
        sum(self.0.iter().map(|one| one.untold.clone()))
    }

    pub(super) fn waiting(&self) -> u64 {
        self.0.iter().map(|one| one.waiting).sum()
    }

    pub(super) fn has_timed_out(&self) -> bool {
        self.0.iter().any(|one| one.has_timed_out)
    }
}

impl One {
    fn of(account: &Account) -> Self {
        let counts = account.counts();
        Self {
            lost: counts.made - counts.acknowledged - counts.queued,
            for_room: counts.dropped_queue_full,
            cause: account.cause(),
            untold: account.untold(),
            waiting: counts.queued,
            has_timed_out: account.has_timed_out(),
        }
    }

    /// An older cause is not that of what has had no room since.
    fn since(&self, before: &Self) -> Loss {
        let lost = self.lost.saturating_sub(before.lost);
        let for_room = self.for_room.saturating_sub(before.for_room);
        (lost, self.cause.clone().filter(|_| lost > for_room))
    }
}

/// With the first cause of those that lost something.
fn sum(losses: impl Iterator<Item = Loss>) -> Loss {
    losses
        .filter(|(lost, _)| *lost > 0)
        .fold((0, None), |(sum, first), (lost, cause)| {
            (sum + lost, first.or(cause))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(lost: u64, for_room: u64, cause: &str) -> Standing {
        Standing(vec![One {
            lost,
            for_room,
            cause: Some(cause.to_owned()),
            ..One::default()
        }])
    }

    #[test]
    fn a_while_has_a_cause_of_its_own() {
        let before = standing(5, 3, "404");
        for (lost, for_room, want) in [
            (5, 3, (0, None)),
            (7, 5, (2, None)),
            (7, 3, (2, Some("404".to_owned()))),
            (9, 5, (4, Some("404".to_owned()))),
        ] {
            assert_eq!(standing(lost, for_room, "404").since(&before), want);
        }
    }

    #[test]
    fn who_lost_nothing_says_nothing() {
        let [well, full, refused] = [
            (0, Some("old".to_owned())),
            (2, None),
            (1, Some("404".to_owned())),
        ];
        assert_eq!(sum([well.clone(), full.clone()].into_iter()), (2, None));
        let all = [well, full, refused];
        assert_eq!(sum(all.into_iter()), (3, Some("404".to_owned())));
    }
}
