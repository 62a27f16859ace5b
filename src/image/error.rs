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

impl ImageError {
    /// What the user can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Read(_) => {
                "name a file that can be read; an OCI layout in a folder becomes one with `tar -C FOLDER -cf FILE .`".into()
            }
            Self::NoImage { .. } => {
                "`docker save IMAGE -o FILE` and `docker buildx build -o type=oci,dest=FILE` write archives of images".into()
            }
            Self::OtherPlatform { wanted, .. } => {
                format!("build it with `--platform {wanted}` too, or check it where it is to run")
            }
            Self::Truncated { .. } | Self::Damaged { .. } | Self::TooMuch { .. } => {
                "write the archive again, and compare its checksum after it was copied".into()
            }
        }
    }
}

/// The whole archive, as error messages name it.
pub(super) const WHOLE: &str = "the archive";
