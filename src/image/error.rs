//! Why an archive could not be read as an image.

/// Why an archive could not be read as an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Reading failed below.
    #[error("the archive of the image can't be read")]
    Read(#[source] std::io::Error),
    /// The archive, or a part of it, ends too early.
    #[error("{part} of the image ends in the middle of {inside}")]
    Truncated {
        /// The archive or a layer.
        part: String,
        /// What was being read.
        inside: String,
    },
    /// A part is not what it should be.
    #[error("{part} of the image is damaged: {what}")]
    Damaged {
        /// The archive or a layer.
        part: String,
        /// What is wrong.
        what: String,
    },
    /// More than any image has.
    #[error("{part} of the image has {what}")]
    TooMuch {
        /// The archive or a layer.
        part: String,
        /// What there is too much of, with the limit.
        what: String,
    },
    /// The archive holds no image.
    #[error("the archive is not an image: {what}")]
    NoImage {
        /// What it lacks.
        what: String,
    },
    /// The image is made for other machines.
    #[error("the image is not made for {wanted}, but for {has}")]
    OtherPlatform {
        /// The platform that was looked for.
        wanted: String,
        /// Those that there are.
        has: String,
    },
}

/// The whole archive, as error messages name it.
pub(super) const WHOLE: &str = "the archive";
