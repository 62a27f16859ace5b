//! Experiments: an instance of the stack, arranged, disturbed and looked at step by step, with everything that is observed on one
//! timeline. What it proves is for the judges to say.

mod act;
mod arrangement;
mod baseline;
mod context;
mod error;
mod find;
mod launch;
mod look;
mod paths;
mod progress;
mod resolved;
mod seed;
mod settle;
mod sources;
mod stage;
mod step;
mod variables;

pub use self::act::{Act, Disturbance, Since};
pub use self::context::{RunContext, Scan, drafts};
pub use self::error::RunError;
pub use self::progress::{Event, Progress, Silent};
pub use self::resolved::{Exceptions, Files, ResolvedStack, Target};
pub use self::sources::files;
pub use self::stage::Stage;
pub use self::step::{Line, Step};
