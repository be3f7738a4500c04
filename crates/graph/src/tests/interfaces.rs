//! What is said of inputs and outputs that no model has.

use super::build::Model;
use super::checks::{close, numbers, read};
use crate::passes::{Guidance, guided, labelled};
use crate::{Error, Extent, Graph, Limits, Network, Precision};

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

/// y = tanh(x) + t · table[label].
fn classes(element: i32, shape: &[i64]) -> Model {
    Model::new(&[2])
        .label(element, shape)
        .floats("table", &[3, 2], &numbers(6, 4))
        .integers("one", &[1])
        .node("row = Gather table label")
        .node("time = Unsqueeze t one")
        .node("scaled = Mul row time")
        .node("bent = Tanh x")
        .node("y = Add bent scaled")
}

#[test]
fn a_label_of_integers_is_a_third_input() {
    let (table, t, x) = (numbers(6, 4), 0.7, [0.3, -1.1]);
    let graph = read(&classes(7, &[-1]));
    let label = graph.inputs().into_iter().find(|port| port.name == "label").unwrap();
    assert_eq!((label.extent, &label.shape[..]), (Extent::Sample, &[1][..]));
    let error = Network::new(&graph, Precision::F64).err().unwrap().to_string();
    assert!(error.contains("label besides"), "{error}");
    let expected = |class: usize| [0, 1].map(|i| f64::tanh(x[i]) + t * table[2 * class + i]);
    let mut y = [0.0; 2];
    for class in 0..3 {
        let network = Network::new(&labelled(&graph, class as f64).unwrap(), Precision::F64).unwrap();
        network.value(t, &x, &mut y);
        close("class", &y, &expected(class), 1e-15);
    }
    let guidance = Guidance { label: 1.0, no_class: 2.0, weight: 3.0 };
    Network::new(&guided(&graph, guidance).unwrap(), Precision::F64).unwrap().value(t, &x, &mut y);
    let (class, none) = (expected(1), expected(2));
    close("guided", &y, &[0, 1].map(|i| none[i] + 3.0 * (class[i] - none[i])), 1e-14);
    // A class that is none makes no number.
    let network = Network::new(&labelled(&graph, 3.0).unwrap(), Precision::F64).unwrap();
    network.value(t, &x, &mut y);
    assert!(y.iter().all(|y| y.is_nan()), "{y:?}");
}

#[test]
fn labels_have_one_number_a_sample() {
    assert!(message(&classes(7, &[8])).contains("shape [8] with a fixed batch of 8"));
    assert!(message(&classes(7, &[-1, 4])).contains("input label: expected inputs x"));
    let plain = read(&Model::new(&[2]).node("y = Tanh x"));
    assert!(labelled(&plain, 1.0).unwrap_err().contains("no input named label"));
}
