//! `paneld`: a self-hosted product-analytics API server.

/// Faster than the system's allocator for many small pieces, which is what requests are made
/// of.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    paneld::cli::run()
}
