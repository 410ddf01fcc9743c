//! What a module of the store declares.

/// A module's steps, in order; the number of the first is 1.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) sqlite: &'static [&'static str],
    /// Without `BEGIN` and `COMMIT`: each runs in the transaction of the migration.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(crate) postgres: &'static [&'static str],
}
