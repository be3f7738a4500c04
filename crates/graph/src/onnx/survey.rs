//! How much memory the messages of a file will take, told before they are decoded: an empty message takes two bytes
//! of a file and a hundred of memory.

use super::proto;

/// A message of onnx.proto.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    Dimension,
    Pair,
}

/// What a field holds.
enum Field {
    Message(Message),
    /// Bytes or text.
    Bytes,
    /// Integers, of a byte each at least.
    Integers,
    /// Real numbers.
    Numbers,
    Ignored,
}

impl Message {
    /// What is read of a field, as in the messages of [`proto`].
    fn field(self, number: u64) -> Field {
        use Message::{
            Attribute, Dimension, Function, Graph, Model, Node, Pair, Shape, Tensor, TensorType, Type, Value,
        };
        match (self, number) {
            (Model, 7) => Field::Message(Graph),
            (Model, 8) | (Function, 9) | (Tensor, 13) => Field::Message(Pair),
            (Model, 25) => Field::Message(Function),
            (Function, 7) | (Graph, 1) => Field::Message(Node),
            (Function, 11) | (Node, 5) => Field::Message(Attribute),
            (Graph, 5) | (Attribute, 5) => Field::Message(Tensor),
            (Graph, 11 | 12) => Field::Message(Value),
            (Value, 2) => Field::Message(Type),
            (Type, 1) => Field::Message(TensorType),
            (TensorType, 2) => Field::Message(Shape),
            (Shape, 1) => Field::Message(Dimension),
            (Attribute, 8) | (Tensor, 1 | 5 | 7 | 11) => Field::Integers,
            (Attribute, 7) | (Tensor, 4 | 10) => Field::Numbers,
            (Model, 2 | 3)
            | (Function, 1 | 4 | 5 | 10 | 13)
            | (Node, 1 | 2 | 3 | 4 | 7 | 8)
            | (Attribute, 1 | 4 | 21)
            | (Tensor, 8 | 9)
            | (Value, 1)
            | (Dimension, 2)
            | (Pair, 1 | 2) => Field::Bytes,
            _ => Field::Ignored,
        }
    }

    /// Bytes of the message itself.
    fn size(self) -> usize {
        match self {
            Message::Model => size_of::<proto::ModelProto>(),
            Message::Function => size_of::<proto::FunctionProto>(),
            Message::Graph => size_of::<proto::GraphProto>(),
            Message::Node => size_of::<proto::NodeProto>(),
            Message::Attribute => size_of::<proto::AttributeProto>(),
            Message::Tensor => size_of::<proto::TensorProto>(),
            Message::Value => size_of::<proto::ValueInfoProto>(),
            Message::Type => size_of::<proto::TypeProto>(),
            Message::TensorType => size_of::<proto::TensorTypeProto>(),
            Message::Shape => size_of::<proto::TensorShapeProto>(),
            Message::Dimension => size_of::<proto::DimensionProto>(),
            Message::Pair => size_of::<proto::StringStringEntryProto>(),
        }
    }
}

/// At most so much larger is a list's memory than its items, as it grows.
const GROWTH: u64 = 2;

/// No byte of a file takes more bytes of memory.
const MOST_PER_BYTE: u64 = 512;

/// Bytes that decoding a model takes at most. What is no message ends the count, as it ends the decoding.
pub(super) fn decoded_bytes(bytes: &[u8]) -> u64 {
    message(Message::Model, bytes)
}

fn message(kind: Message, mut bytes: &[u8]) -> u64 {
    let mut total = GROWTH * kind.size() as u64;
    while let Some(key) = varint(&mut bytes) {
        let field = kind.field(key >> 3);
        let width = match key & 7 {
            0 => varint(&mut bytes).map(|_| 0).or(Some(u64::MAX)),
            1 => Some(8),
            2 => Some(varint(&mut bytes).unwrap_or(u64::MAX)),
            5 => Some(4),
            _ => None,
        };
        let Some(width) = width else {
            // A group, which no model contains: what follows may be anything.
            return total.saturating_add(bytes.len() as u64 * MOST_PER_BYTE);
        };
        let Some(part) = usize::try_from(width).ok().and_then(|n| bytes.split_off(..n)) else { break };
        let length = part.len() as u64;
        total = total.saturating_add(match field {
            Field::Message(inner) => message(inner, part),
            Field::Integers => GROWTH * 8 * length.max(1),
            Field::Numbers => GROWTH * length,
            Field::Bytes => GROWTH * size_of::<String>() as u64 + length,
            Field::Ignored => 0,
        });
    }
    total
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for place in 0..10 {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 127).checked_shl(7 * place).unwrap_or(0);
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use proto::{GraphProto, ModelProto, NodeProto, TensorProto};

    /// A model of empty messages, the dearest there is.
    fn model(nodes: usize, tensors: usize, dims: usize) -> Vec<u8> {
        let tensor = TensorProto { dims: vec![0; dims], ..TensorProto::default() };
        let graph = GraphProto {
            node: vec![NodeProto::default(); nodes],
            initializer: vec![tensor; tensors],
            ..GraphProto::default()
        };
        ModelProto { graph: Some(graph), ..ModelProto::default() }.encode_to_vec()
    }

    #[test]
    fn messages_count_with_the_memory_they_take() {
        let (nodes, tensors, dims) = (1000, 100, 50);
        let bytes = model(nodes, tensors, dims);
        let least = nodes * size_of::<NodeProto>() + tensors * (size_of::<TensorProto>() + 8 * dims);
        let told = decoded_bytes(&bytes);
        assert!(bytes.len() < 20_000 && told > least as u64 && told < 3 * least as u64, "{told} for {least}");
    }

    #[test]
    fn damaged_messages_are_counted_to_their_damage() {
        let bytes = model(100, 10, 10);
        for cut in 0..bytes.len() {
            assert!(decoded_bytes(&bytes[..cut]) <= decoded_bytes(&bytes));
        }
        let group = [&[0x0b][..], &bytes].concat();
        assert!(decoded_bytes(&group) > decoded_bytes(&bytes));
    }
}
