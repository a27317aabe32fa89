//! `paneld`: a self-hosted product-analytics API server.

/// Faster than the system's allocator for many small pieces, which is what requests are made
/// of; and gives back what is free. It is configured where it is compiled, in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    paneld::cli::run()
}
