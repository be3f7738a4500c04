//! ONNX files written byte by byte.
#![allow(dead_code)]

pub fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A protobuf message under construction.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    pub fn number(mut self, tag: u64, value: i64) -> Self {
        varint(tag << 3, &mut self.0);
        varint(value as u64, &mut self.0);
        self
    }

    pub fn bytes(mut self, tag: u64, bytes: &[u8]) -> Self {
        varint(tag << 3 | 2, &mut self.0);
        varint(bytes.len() as u64, &mut self.0);
        self.0.extend(bytes);
        self
    }

    pub fn message(self, tag: u64, message: Message) -> Self {
        self.bytes(tag, &message.0)
    }

    pub fn text(self, tag: u64, text: &str) -> Self {
        self.bytes(tag, text.as_bytes())
    }

    pub fn fixed(mut self, tag: u64, value: &[u8]) -> Self {
        varint(tag << 3 | if value.len() == 4 { 5 } else { 1 }, &mut self.0);
        self.0.extend(value);
        self
    }
}

/// Tensor "w" of a data type and dims, without data.
pub fn tensor(data_type: i64, dims: &[i64]) -> Message {
    let message = dims.iter().fold(Message::default(), |message, d| message.number(1, *d));
    message.number(2, data_type).text(8, "w")
}

pub fn external(tensor: Message, entries: &[(&str, &str)]) -> Message {
    let entry = |message: Message, (key, value): &(&str, &str)| {
        message.message(13, Message::default().text(1, key).text(2, value))
    };
    entries.iter().fold(tensor, entry).number(14, 1)
}

pub fn node(text: &str, name: &str, attributes: Message) -> Message {
    let (outputs, call) = text.split_once(" = ").unwrap();
    let (operator, inputs) = call.split_once(' ').unwrap();
    let message = inputs.split(' ').fold(Message::default(), |message, input| message.text(1, input));
    let mut message = message.text(2, outputs).text(3, name).text(4, operator);
    message.0.extend(attributes.0);
    message
}

pub fn interface(name: &str, length: Option<i64>) -> Message {
    let batch = Message::default().message(1, Message::default().text(2, "batch"));
    let shape = length.iter().fold(batch, |shape, n| shape.message(1, Message::default().number(1, *n)));
    let kind = Message::default().message(1, Message::default().number(1, 1).message(2, shape));
    Message::default().text(1, name).message(2, kind)
}

/// A model of x `[batch, length]` and t with some nodes and weights.
pub fn model(length: i64, nodes: &[Message], weights: &[Message]) -> Vec<u8> {
    let graph = nodes.iter().fold(Message::default(), |graph, node| graph.message(1, node.clone()));
    let graph = weights.iter().fold(graph, |graph, tensor| graph.message(5, tensor.clone()));
    let graph = graph.message(11, interface("x", Some(length))).message(11, interface("t", None));
    let graph = graph.message(12, interface("y", Some(length)));
    Message::default().message(7, graph).message(8, Message::default().number(2, 20)).0
}
