//! What is said of inputs and outputs that no model has.

use super::build::Model;
use crate::{Error, Graph, Limits};

fn message(model: &Model) -> String {
    Graph::from_bytes(&model.bytes(), &Limits::default()).unwrap_err().to_string()
}

#[test]
fn a_fixed_batch_is_called_one_and_comes_with_the_remedy() {
    let fixed_x = Model::new(&[3]).input_shapes(&[&[8, 3], &[8]]).node("y = Exp x");
    let fixed_t = Model::new(&[3]).input_shapes(&[&[-1, 3], &[8]]).node("y = Exp x");
    let fixed_y = Model::new(&[3]).floats("c", &[8, 3], &[1.0; 24]).node("y = Exp c");
    for (model, what, shape) in
        [(fixed_x, "input x", "[8, 3]"), (fixed_t, "input t", "[8]"), (fixed_y, "output", "[8, 3]")]
    {
        let text = message(&model);
        assert!(text.contains(&format!("{what}: expected inputs x [batch, ...]")), "{text}");
        assert!(text.contains(&format!("shape {shape} with a fixed batch of 8")), "{text}");
        assert!(text.contains("dynamic_shapes=({0: \"batch\"}, {0: \"batch\"})"), "{text}");
    }
}

#[test]
fn a_batch_fixed_inside_is_suspected() {
    let model = Model::new(&[3]).floats("c", &[2, 3], &[1.0; 6]).node("y = Add x c");
    let text = message(&model);
    assert!(text.contains("A batch fixed at 2 needs an export with a dynamic batch axis"), "{text}");
}

#[test]
fn a_batch_of_one_is_the_batch() {
    let model = Model::new(&[3]).input_shapes(&[&[1, 3], &[1]]).node("y = Exp x");
    assert!(Graph::from_bytes(&model.bytes(), &Limits::default()).is_ok());
}

#[test]
fn other_inputs_and_outputs_say_what_came() {
    let flat = Model::new(&[]).input_shapes(&[&[-1], &[-1]]).node("y = Exp x");
    assert!(message(&flat).contains("got floats of shape [batch]"), "{}", message(&flat));
    let free = Model::new(&[3]).input_shapes(&[&[-1, -1], &[-1]]).node("y = Exp x");
    assert!(message(&free).contains("input x whose axis 1 has no fixed length"), "{}", message(&free));
    assert!(message(&free).contains("Export with fixed lengths"), "{}", message(&free));
    let empty = Model::new(&[3]).input_shapes(&[&[-1, 0], &[-1]]).node("y = Exp x");
    assert!(message(&empty).contains("input x whose axis 1 has the length 0"), "{}", message(&empty));
    let other = Model::new(&[3]).integers("a", &[1]).node("y = ReduceSum x a");
    assert!(message(&other).contains("[batch, 1] for x [batch, 3]"), "{}", message(&other));
    let missing = Model::new(&[3]).node("z = Exp x");
    assert!(message(&missing).contains("a name that no node makes"), "{}", message(&missing));
}

#[test]
fn inputs_beyond_the_memory_limit_are_too_large() {
    for length in [1 << 40, i64::MAX] {
        let model = Model::new(&[1]).input_shapes(&[&[-1, length], &[-1]]).node("y = Exp x");
        match Graph::from_bytes(&model.bytes(), &Limits::default()) {
            Err(error @ Error::TooLarge { .. }) => assert!(error.to_string().contains("input x"), "{error}"),
            other => panic!("{other:?}"),
        }
    }
}
