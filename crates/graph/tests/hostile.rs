//! Damaged and hostile files: an error, never a panic, within the memory limit and in bounded time.

mod meter;
mod wire;

use meter::Meter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use surefoot_graph::{Description, Error, Graph, Limits, Network, Precision};
use wire::{Message, model, node, tensor};

#[global_allocator]
static METER: Meter = Meter;

/// Bytes that a hostile model may take.
const LIMIT: u64 = 16 << 20;

/// Multiplications of a sample up to which a model is run.
const MOST_FLOPS: u64 = 2_000_000;

fn file(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn moons() -> Vec<u8> {
    file("../../models/moons-cfm.onnx")
}

/// Small exports of both exporters.
fn exports() -> Vec<Vec<u8>> {
    let small =
        |p: &PathBuf| p.extension().is_some_and(|e| e == "onnx") && p.metadata().unwrap().len() < 8000;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(small).collect();
    paths.sort();
    assert!(paths.len() > 10);
    paths.iter().map(|p| std::fs::read(p).unwrap()).collect()
}

/// Reads, and evaluates what can be read.
fn attempt(bytes: &[u8]) -> bool {
    let Ok(graph) = Graph::from_bytes(bytes, &Limits { memory: LIMIT }) else { return false };
    let description = Description::of(&graph);
    let flops = description.value_flops.saturating_add(description.tangent_flops);
    if flops > MOST_FLOPS || description.bytes_per_sample > 1 << 20 {
        return true;
    }
    let Ok(network) = Network::new(&graph, Precision::F32) else { return false };
    let dim = network.dim();
    let (x, v) = (vec![0.5; dim], vec![1.0; 2 * dim]);
    let (mut y, mut jv) = (vec![0.0; dim], vec![0.0; 2 * dim]);
    network.tangents(0.5, &x, &v, &mut y, &mut jv);
    network.adjoint(0.5, &x, &v, &mut y, &mut jv);
    true
}

/// The error of reading within the limits of memory and time.
#[track_caller]
fn refused(what: &str, bytes: &[u8]) -> Error {
    let start = Instant::now();
    let (outcome, peak) = meter::peak(|| Graph::from_bytes(bytes, &Limits { memory: LIMIT }));
    assert!(start.elapsed() < Duration::from_secs(20), "{what} takes {:?}", start.elapsed());
    assert!(peak < 8 * LIMIT, "{what} takes {peak} bytes");
    outcome.err().unwrap_or_else(|| panic!("{what} is read"))
}

/// Numbers without pattern.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

#[test]
fn files_cut_anywhere_are_refused() {
    let bytes = moons();
    let cuts = (0..400).chain((400..bytes.len()).step_by(997)).chain(bytes.len() - 300..bytes.len());
    cuts.for_each(|cut| assert!(!attempt(&bytes[..cut]) || cut > bytes.len() - 300, "cut at {cut}"));
    assert!(!attempt(&bytes[..bytes.len() / 2]));
    assert!(attempt(&bytes));
    for bytes in exports() {
        (0..bytes.len()).for_each(|cut| {
            attempt(&bytes[..cut]);
        });
    }
}

/// Bits flipped, bytes replaced, removed, repeated.
fn damaged(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for _ in 0..1 + chance.below(3) {
        let at = chance.below(damaged.len());
        match chance.below(5) {
            0 => damaged[at] = chance.of(&[0, 1, 0x7f, 0x80, 0xff]),
            1 => {
                damaged.remove(at);
            }
            2 => {
                let to = (at + chance.below(40)).min(damaged.len());
                let part = damaged[at..to].to_vec();
                damaged.splice(at..at, part);
            }
            _ => damaged[at] ^= 1 << chance.below(8),
        }
    }
    damaged
}

#[test]
fn damaged_files_never_panic() {
    let mut chance = Chance(1);
    let bytes = moons();
    let mut refused = 0;
    for i in 0..3000 {
        // Weights fill most of the file: aim at the nodes before them, too.
        let damaged = if i % 2 == 0 {
            damaged(&bytes, &mut chance)
        } else {
            [damaged(&bytes[..1500], &mut chance), bytes[1500..].to_vec()].concat()
        };
        refused += usize::from(!attempt(&damaged));
    }
    for bytes in exports() {
        refused += (0..400).filter(|_| !attempt(&damaged(&bytes, &mut chance))).count();
    }
    assert!(refused > 2000, "only {refused} damaged files were refused");
}

fn int(name: &str, value: i64) -> Message {
    Message::default().message(5, Message::default().text(1, name).number(3, value).number(20, 2))
}

fn ints(name: &str, values: &[i64]) -> Message {
    let list = values.iter().fold(Message::default().text(1, name), |list, v| list.number(8, *v));
    Message::default().message(5, list.number(20, 7))
}

fn integers(name: &str, values: &[i64]) -> Message {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Message::default().number(1, values.len() as i64).number(2, 7).text(8, name).bytes(9, &bytes)
}

fn plain() -> Message {
    Message::default()
}

#[test]
fn sizes_that_a_file_only_claims_take_no_memory() {
    let bytes = moons();
    let error = Graph::from_bytes(&bytes, &Limits { memory: 1000 }).unwrap_err().to_string();
    assert!(error.contains("1000 bytes"), "{error}");

    // Two bytes a node.
    let graph = plain().bytes(1, &[]).0.repeat(4 << 20);
    let error = refused("empty nodes", &plain().bytes(7, &graph).0);
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");

    let last = || node("y = Exp x", "y", plain());
    for dims in
        [&[1 << 40, 1 << 40][..], &[1 << 40], &[1 << 60, 0], &[0, 1 << 40, 1 << 40], &[-1], &[1; 100_000]]
    {
        refused(&format!("dims {:?}", &dims[..dims.len().min(3)]), &model(3, &[last()], &[tensor(1, dims)]));
    }
    // Axes of length 0 beside long ones hold nothing, but loops over them would not end.
    let shape = integers("s", &[1 << 40, 0]);
    let nodes = [
        node("a = ConstantOfShape s", "a", plain()),
        node("b = Concat a a", "b", int("axis", 1)),
        node("y = Exp x", "y", plain()),
    ];
    refused("an empty tensor with long axes", &model(3, &nodes, &[shape]));
}

#[test]
fn values_that_double_are_refused() {
    let chain = |first: &str, next: &dyn Fn(usize) -> Message, weights: &[Message]| {
        let mut nodes = vec![node(first, "first", plain())];
        nodes.extend((0..60).map(next));
        nodes.push(node("y = Add x a60", "y", plain()));
        model(3, &nodes, weights)
    };
    let doubled = |i: usize| node(&format!("a{} = Concat a{i} a{i}", i + 1), "", int("axis", 1));
    refused("real numbers", &chain("a0 = Exp x", &doubled, &[]));
    let doubled = |i: usize| node(&format!("a{} = Concat a{i} a{i}", i + 1), "", int("axis", 0));
    refused("integers", &chain("a0 = Identity s", &doubled, &[integers("s", &[1])]));
    let nested = |i: usize| node(&format!("a{} = SequenceConstruct a{i} a{i}", i + 1), "", plain());
    refused("sequences", &chain("a0 = Exp x", &nested, &[]));
    let deeper = |i: usize| node(&format!("a{} = Unsqueeze a{i} s", i + 1), "", plain());
    let axes: Vec<i64> = (0..5).collect();
    refused("axes", &chain("a0 = Exp x", &deeper, &[integers("s", &axes)]));
    let many: Vec<i64> = (0..300_000).collect();
    refused("a list of axes", &chain("a0 = Exp x", &deeper, &[integers("s", &many)]));
}

#[test]
fn thousands_of_nodes_are_read_in_no_time() {
    let count = 20_000;
    let chain = |i: usize| node(&format!("a{} = Tanh a{i}", i + 1), "", plain());
    let mut nodes = vec![node("a0 = Tanh x", "", plain())];
    nodes.extend((0..count).map(chain));
    nodes.push(node(&format!("y = Tanh a{count}"), "", plain()));
    let bytes = model(3, &nodes, &[]);
    let start = Instant::now();
    let graph = Graph::from_bytes(&bytes, &Limits { memory: 256 << 20 }).unwrap();
    let network = Network::new(&graph, Precision::F64).unwrap();
    let (mut y, mut jv) = ([0.0; 3], [0.0; 3]);
    network.tangents(0.0, &[0.5; 3], &[1.0; 3], &mut y, &mut jv);
    network.adjoint(0.0, &[0.5; 3], &[1.0; 3], &mut y, &mut jv);
    assert!(y.iter().all(|y| *y > 0.0 && *y < 0.1));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

const OPERATORS: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "ArgMax",
    "Attention",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Celu",
    "Clip",
    "Concat",
    "ConcatFromSequence",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "CumSum",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Einsum",
    "Elu",
    "Equal",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MatMul",
    "Max",
    "MaxPool",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pad",
    "Pow",
    "RMSNormalization",
    "Range",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Reshape",
    "Resize",
    "RotaryEmbedding",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "SequenceAt",
    "SequenceConstruct",
    "SequenceInsert",
    "Shape",
    "Size",
    "Slice",
    "Softmax",
    "SpaceToDepth",
    "Split",
    "SplitToSequence",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
    "Xor",
];

const ATTRIBUTES: &[&str] = &[
    "allowzero",
    "axes",
    "axis",
    "batch_dims",
    "blocksize",
    "ceil_mode",
    "coordinate_transformation_mode",
    "count_include_pad",
    "dilations",
    "end",
    "equation",
    "exclusive",
    "group",
    "is_causal",
    "keepdims",
    "kernel_shape",
    "kv_num_heads",
    "mode",
    "new_axis",
    "num_groups",
    "num_outputs",
    "output_padding",
    "output_shape",
    "p",
    "pads",
    "perm",
    "q_num_heads",
    "reverse",
    "start",
    "strides",
    "to",
    "training_mode",
    "transA",
    "transB",
    "upper",
];

const TEXTS: &[&str] = &[
    "",
    "linear",
    "nearest",
    "cubic",
    "constant",
    "reflect",
    "edge",
    "wrap",
    "DCR",
    "bij,bjk->bik",
    "...a,a->...",
    "ii->i",
    "align_corners",
    "asymmetric",
    "SAME_UPPER",
    "i,,->",
    "->",
    "bc->b",
];

const NUMBERS: &[i64] = &[
    0,
    1,
    2,
    3,
    4,
    -1,
    -2,
    -3,
    7,
    100,
    -100,
    1 << 16,
    1 << 31,
    -(1 << 31),
    1 << 40,
    1 << 62,
    i64::MAX,
    i64::MIN,
];

/// A node with arguments, attributes and results taken at random.
fn wild_node(chance: &mut Chance, known: &[String], result: &str) -> Message {
    let arguments: Vec<&str> =
        (0..1 + chance.below(4)).map(|_| known[chance.below(known.len())].as_str()).collect();
    let mut attributes = plain();
    for _ in 0..chance.below(5) {
        let name = chance.of(ATTRIBUTES);
        let attribute = match chance.below(4) {
            0 => int(name, chance.of(NUMBERS)),
            1 => {
                let text = plain().text(1, name).text(4, chance.of(TEXTS)).number(20, 3);
                plain().message(5, text)
            }
            _ => {
                let small = chance.below(4) > 0;
                let numbers = if small { &NUMBERS[..6] } else { NUMBERS };
                let list: Vec<i64> = (0..chance.below(5)).map(|_| chance.of(numbers)).collect();
                ints(name, &list)
            }
        };
        attributes.0.extend(attribute.0);
    }
    node(&format!("{result} = {} {}", chance.of(OPERATORS), arguments.join(" ")), result, attributes)
}

#[test]
fn operators_with_absurd_arguments_never_panic() {
    let mut chance = Chance(2);
    let mut read = 0;
    for _ in 0..20_000 {
        let mut known: Vec<String> = ["x", "t", "w", "i0", "i1", "i2", "i3"].map(String::from).into();
        let mut weights: Vec<Message> = (0..4)
            .map(|i| {
                let numbers = if chance.below(3) > 0 { &NUMBERS[..6] } else { NUMBERS };
                let list: Vec<i64> = (0..chance.below(5)).map(|_| chance.of(numbers)).collect();
                integers(&format!("i{i}"), &list)
            })
            .collect();
        let dims: Vec<i64> = (0..chance.below(4)).map(|_| chance.of(&[1, 2, 3, 6])).collect();
        let count = dims.iter().product::<i64>() as usize;
        weights.push(tensor(1, &dims).bytes(9, &0.25f32.to_le_bytes().repeat(count)));
        let mut nodes = vec![];
        if chance.below(2) == 0 {
            weights.push(integers("shape", &[0, 1, 2, 3]));
            nodes.push(node("image = Reshape x shape", "image", plain()));
            known.push("image".into());
        }
        for i in 0..1 + chance.below(3) {
            let result = format!("r{i}");
            nodes.push(wild_node(&mut chance, &known, &result));
            known.push(result);
        }
        let last = known.last().cloned().unwrap_or_default();
        weights.push(integers("back", &[1, 6]));
        nodes.push(node(&format!("e = Expand {last} back"), "e", plain()));
        nodes.push(node("y = Add e x", "y", plain()));
        read += usize::from(attempt(&model(6, &nodes, &weights)));
    }
    assert!(read > 500, "only {read} models were read");
}
