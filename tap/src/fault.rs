//! What is done to connections, and whether every door does it yet.

use std::str::FromStr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is done to connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// All is passed on.
    #[default]
    None,
    /// Nobody listens.
    Refuse,
    /// New connections are told that PostgreSQL is starting up.
    StartingUp,
    /// Nothing gets through, in neither direction, and nobody says so.
    Lose,
    /// Whatever the dependency says arrives later by this much.
    Delay(Duration),
}

impl FromStr for Fault {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "pass" => Ok(Self::None),
            "refuse" => Ok(Self::Refuse),
            "starting-up" => Ok(Self::StartingUp),
            "lose" => Ok(Self::Lose),
            _ => {
                let milliseconds = text.strip_prefix("delay ").and_then(|number| number.parse().ok());
                milliseconds.map(|number| Self::Delay(Duration::from_millis(number))).ok_or(())
            }
        }
    }
}

/// The fault that is wanted, with a turn that counts how often it was changed.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    fault: Fault,
    turn: usize,
    /// How many doors act upon this turn.
    acting: usize,
}

/// Says what is wanted, and is told by every door when it acts upon it.
#[derive(Debug)]
pub(crate) struct Switch {
    doors: usize,
    state: Mutex<State>,
    changed: Condvar,
}

impl Switch {
    pub(crate) fn new(doors: usize) -> Self {
        Self { doors, state: Mutex::default(), changed: Condvar::new() }
    }

    /// What is wanted now, and which turn it is.
    pub(crate) fn now(&self) -> (Fault, usize) {
        let State { fault, turn, .. } = *self.lock();
        (fault, turn)
    }

    /// Wants something else from now on.
    pub(crate) fn set(&self, fault: Fault) {
        let mut state = self.lock();
        *state = State { fault, turn: state.turn + 1, acting: 0 };
        self.changed.notify_all();
    }

    /// A door acts upon a turn; one that is over by then does not count.
    pub(crate) fn acts(&self, turn: usize) {
        let mut state = self.lock();
        if state.turn == turn {
            state.acting += 1;
            self.changed.notify_all();
        }
    }

    /// Returns when every door acts upon what is wanted.
    pub(crate) fn wait_until_in_force(&self) {
        self.wait_while(|state| state.acting < self.doors);
    }

    /// Returns when something else than in this turn is wanted.
    pub(crate) fn wait_for_change(&self, turn: usize) {
        self.wait_while(|state| state.turn == turn);
    }

    /// Returns when things get through.
    pub(crate) fn wait_while_lost(&self) {
        self.wait_while(|state| state.fault == Fault::Lose);
    }

    fn wait_while(&self, condition: impl Fn(&State) -> bool) {
        let state = self.lock();
        drop(self.changed.wait_while(state, |state| condition(state)).unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
