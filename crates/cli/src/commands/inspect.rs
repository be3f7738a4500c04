//! `inspect`: what a model file contains, and whether its derivatives agree with arrays made elsewhere.

use crate::failure::Result;
use crate::options::Inspect;

pub fn inspect(_options: &Inspect) -> Result<()> {
    todo!()
}
