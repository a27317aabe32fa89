//! What is asked of the server, and whether it answers as the model does.

mod asked;
mod charts;
mod findings;
mod lists;
mod people;
mod random;
mod sites;
mod time;

pub(crate) use self::findings::Check;

pub(crate) fn all() -> Vec<(&'static str, Check)> {
    let mut all = Vec::new();
    all.extend_from_slice(time::ALL);
    all.extend_from_slice(sites::ALL);
    all.extend_from_slice(people::ALL);
    all.extend_from_slice(lists::ALL);
    all.extend_from_slice(charts::ALL);
    all.extend_from_slice(random::ALL);
    all
}
