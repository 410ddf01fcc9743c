//! The benchmarks of `kwtsms-async`: each stands beside what it is compared with, measured in the same run.
