//! The ainv command.

fn main() {
    std::process::exit(ainv_cli::run(std::env::args_os().skip(1)));
}
