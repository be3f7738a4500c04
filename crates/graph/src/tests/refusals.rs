//! What a refusal says: every cause once, with the line of the list that applies.

use super::build::{Model, call, float, int, ints, node, text};
use crate::{Description, Error, Graph, Limits, UnsupportedNode};

fn refused_within(model: &Model, memory: u64) -> Vec<UnsupportedNode> {
    match Graph::from_bytes(&model.bytes(), &Limits { memory }) {
        Err(Error::Unsupported { nodes, .. }) => nodes,
        other => panic!("expected unsupported nodes, got {other:?}"),
    }
}

fn refused(model: &Model) -> Vec<UnsupportedNode> {
    refused_within(model, 64 << 20)
}

fn names(nodes: &[UnsupportedNode]) -> Vec<&str> {
    nodes.iter().map(|n| n.node.as_str()).collect()
}

#[test]
fn consequences_of_a_refused_node_are_no_causes() {
    let model = Model::new(&[3])
        .function("b = Half a", vec![node("c = Loop a", vec![]), node("b = Exp c", vec![])], vec![])
        .node("a = Frobnicate x")
        .node("b = Exp a")
        .node_with("c = Concat b x", vec![int("axis", 0)])
        .call("d = Half x", vec![])
        .node("s = SequenceConstruct d x")
        .node("e = Add d c")
        .node("f = Mul e nothing")
        .node("g = Add nothing e")
        .node("h = Exp nothing")
        .node("y = Neg h");
    let nodes = refused(&model);
    assert_eq!(names(&nodes), ["node a", "node d/node c", "node f"], "{nodes:?}");
    assert!(nodes[2].reason.contains("nothing before it makes") && nodes[2].list.is_none());
}

#[test]
fn attributes_of_another_kind_and_missing_ones_are_refused() {
    let with = |attribute| Model::new(&[3]).node_with("y = Softmax x", vec![attribute]);
    let cases = [
        (with(text("axis", "hello")), "the attribute axis is not an integer"),
        (with(float("axis", 1.0)), "the attribute axis is not an integer"),
        (with(ints("axis", &[1])), "the attribute axis is not an integer"),
        (
            Model::new(&[3]).node_with("y = LeakyRelu x", vec![int("alpha", 1)]),
            "the attribute alpha is not a number",
        ),
        (
            Model::new(&[3]).node_with("y = Transpose x", vec![int("perm", 0)]),
            "the attribute perm is not a list of integers",
        ),
        (Model::new(&[3]).node("c = Concat x x").node("y = Identity x"), "has no attribute axis"),
    ];
    for (model, expected) in cases {
        let nodes = refused(&model);
        assert!(nodes.len() == 1 && nodes[0].reason.contains(expected), "{expected}: {nodes:?}");
    }
    assert!(Graph::from_bytes(&with(int("axis", 1)).bytes(), &Limits::default()).is_ok());
}

#[test]
fn the_node_over_the_memory_limit_is_listed_once_and_what_follows_only_if_it_cannot_be_read() {
    let wide = |count: usize| {
        (0..count).fold(Model::new(&[1]).integers("long", &[1, 1 << 12]), |model, i| {
            model.node(&format!("e{i} = Expand x long")).node(&format!("f{i} = Exp e{i}"))
        })
    };
    let body = vec![call("b = Inner a", vec![])];
    let model = wide(40)
        .function("b = Inner a", vec![node("c = Exp a", vec![]), node("b = Neg c", vec![])], vec![])
        .function("b = Outer a", body, vec![])
        .call("g = Outer e0", vec![])
        .node("h = Frobnicate g")
        .node("y = Add h x");
    let nodes = refused_within(&model, 1 << 20);
    assert_eq!(nodes.len(), 2, "{nodes:?}");
    assert!(nodes[0].reason.contains("1048576 bytes") && nodes[0].reason.contains("--memory"), "{nodes:?}");
    assert!(nodes[0].list.is_none());
    assert_eq!(nodes[1].node, "node h");
    // The same nodes fit into more, and a description still counts all operators.
    assert_eq!(names(&refused_within(&model, 64 << 20)), ["node h"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wide.onnx");
    std::fs::write(&file, model.bytes()).unwrap();
    let description = Description::read(&file, &Limits { memory: 1 << 20 }).unwrap();
    assert!(description.operators.contains(&("Expand".into(), 40)), "{:?}", description.operators);
}

#[test]
fn weights_over_the_memory_limit_are_too_large_and_not_unsound() {
    let model = Model::new(&[1]).floats("big", &[1 << 20], &[]).node("y = Exp x");
    match Graph::from_bytes(&model.bytes(), &Limits { memory: 1 << 20 }) {
        Err(error @ Error::TooLarge { .. }) => {
            let text = error.to_string();
            assert!(text.contains("initializer big") && text.contains("--memory"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn types_are_refused_by_name_beside_operators() {
    let model = Model::new(&[3])
        .weight_of_type("text", 8)
        .node_with("a = Cast x", vec![int("to", 14)])
        .node("b = Add x text")
        .node("c = Loop x")
        .node("y = Exp b");
    let nodes = refused(&model);
    assert_eq!(names(&nodes), ["text", "node a", "node c"], "{nodes:?}");
    assert_eq!(nodes[0].operator, "initializer");
    assert!(nodes[0].reason.contains("string") && nodes[1].reason.contains("complex64"), "{nodes:?}");
    let lists: Vec<&str> = nodes.iter().map(|n| n.list.as_deref().unwrap()).collect();
    assert_eq!(lists[0], lists[1]);
    assert!(lists[2].contains("control flow"), "{lists:?}");
}

#[test]
fn messages_show_the_line_of_the_list_with_what_it_says() {
    let model = Model::new(&[3])
        .integers("zero", &[0])
        .node("m = ReduceMean x zero")
        .node("p = TopK x")
        .call("q = Own x", vec![])
        .node_with("r = Resize x", vec![])
        .node("y = Sub x m");
    let error = Graph::from_bytes(&model.bytes(), &Limits::default()).unwrap_err().to_string();
    for words in [
        "4 nodes cannot be evaluated",
        "node m (ReduceMean): mixes samples of the batch: it works along axis 0 of [batch, 3] [docs/operators.md line",
        "node p (TopK): this operator is not supported [docs/operators.md line",
        "what is picked depends on the values",
        "node q (own.Own): this operator domain is not supported [docs/operators.md line",
        "shrinking with antialiasing is not supported",
    ] {
        assert!(error.contains(words), "{words:?} is missing: {error}");
    }
}

#[test]
fn impossible_reshapes_show_what_was_asked_for() {
    let model = Model::new(&[6]).integers("s", &[4, -1]).node("r = Reshape x s").node("y = Exp x");
    let reason = &refused(&model)[0].reason;
    assert_eq!(reason, "cannot reshape [batch, 6] to [4, -1]");
    let model = Model::new(&[6])
        .integers("zero", &[0])
        .integers("five", &[5])
        .node("b = Shape x")
        .node("n = Gather b zero")
        .node_with("s = Concat n five", vec![int("axis", 0)])
        .node("r = Reshape x s")
        .node("y = Exp x");
    assert_eq!(refused(&model)[0].reason, "cannot reshape [batch, 6] to [batch, 5]");
}

#[test]
fn names_of_a_file_cannot_act_upon_a_terminal() {
    let name = format!("a\u{1b}[2J\n{}", "n".repeat(1000));
    let model = Model::new(&[3]).node("y = Exp x").named_node(&name, "Odd\u{1b}[31m", "x", "z");
    let error = Graph::from_bytes(&model.bytes(), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("a\\u{1b}[2J\\nnnn") && error.contains("n… (Odd\\u{1b}[31m)"), "{error}");
    assert!(error.chars().all(|c| c == '\n' || !c.is_control()) && error.len() < 700, "{error}");
}

#[test]
fn long_lists_end_with_how_many_there_are_at_least() {
    let model = (0..3000).fold(Model::new(&[3]), |model, i| model.node(&format!("a{i} = Odd{i} x")));
    let error = Graph::from_bytes(&model.node("y = Exp x").bytes(), &Limits::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("more than 1000 nodes cannot be evaluated"), "{text}");
    assert_eq!(text.lines().count(), 1002);
}
