//! ONNX models written node by node.

use crate::onnx::proto::{
    AttributeProto, DimensionProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use prost::Message;

/// A model with inputs x [batch, …] and t [batch] and the output y.
pub struct Model(ModelProto);

impl Model {
    pub fn new(sample_shape: &[i64]) -> Model {
        let graph = GraphProto {
            input: vec![value_info("x", sample_shape), value_info("t", &[])],
            output: vec![value_info("y", sample_shape)],
            ..GraphProto::default()
        };
        let opset = OperatorSetIdProto { domain: None, version: Some(20) };
        Model(ModelProto { graph: Some(graph), opset_import: vec![opset], ..ModelProto::default() })
    }

    pub fn opset(mut self, version: i64) -> Model {
        self.0.opset_import[0].version = Some(version);
        self
    }

    fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().unwrap()
    }

    pub fn floats(mut self, name: &str, dims: &[i64], values: &[f64]) -> Model {
        let double_data = values.to_vec();
        let data_type = Some(11);
        let tensor = TensorProto {
            name: Some(name.into()),
            data_type,
            dims: dims.to_vec(),
            double_data,
            ..Default::default()
        };
        self.graph().initializer.push(tensor);
        self
    }

    pub fn integers(self, name: &str, values: &[i64]) -> Model {
        self.integers_of(name, &[values.len() as i64], values)
    }

    pub fn integers_of(mut self, name: &str, dims: &[i64], values: &[i64]) -> Model {
        let (data_type, dims, int64_data) = (Some(7), dims.to_vec(), values.to_vec());
        let tensor =
            TensorProto { name: Some(name.into()), data_type, dims, int64_data, ..Default::default() };
        self.graph().initializer.push(tensor);
        self
    }

    /// A weight of some element type, without any numbers.
    pub fn weight_of_type(mut self, name: &str, data_type: i32) -> Model {
        let tensor =
            TensorProto { name: Some(name.into()), data_type: Some(data_type), ..Default::default() };
        self.graph().initializer.push(tensor);
        self
    }

    /// Other shapes for x and t; a length of −1 is left open.
    pub fn input_shapes(mut self, shapes: &[&[i64]]) -> Model {
        for (input, shape) in self.graph().input.iter_mut().zip(shapes) {
            let dim = |&d: &i64| DimensionProto { dim_value: (d >= 0).then_some(d), dim_param: None };
            let shape = Some(TensorShapeProto { dim: shape.iter().map(dim).collect() });
            let tensor_type = TensorTypeProto { elem_type: Some(1), shape };
            input.r#type = Some(TypeProto { tensor_type: Some(tensor_type) });
        }
        self
    }

    /// A third input, label, of an element type and shape; a length of −1 is left open.
    pub fn label(mut self, element: i32, shape: &[i64]) -> Model {
        let dim = |&d: &i64| DimensionProto { dim_value: (d >= 0).then_some(d), dim_param: None };
        let shape = Some(TensorShapeProto { dim: shape.iter().map(dim).collect() });
        let tensor_type = TensorTypeProto { elem_type: Some(element), shape };
        let r#type = Some(TypeProto { tensor_type: Some(tensor_type) });
        self.graph().input.push(ValueInfoProto { name: Some("label".into()), r#type });
        self
    }

    /// Adds a node written as "out1 out2 = Operator in1 in2".
    pub fn node(self, text: &str) -> Model {
        self.node_with(text, vec![])
    }

    pub fn node_with(mut self, text: &str, attribute: Vec<AttributeProto>) -> Model {
        self.graph().node.push(node(text, attribute));
        self
    }

    /// Adds a node with a name, of one argument and result.
    pub fn named_node(mut self, name: &str, operator: &str, input: &str, output: &str) -> Model {
        self.graph().node.push(NodeProto {
            op_type: Some(operator.into()),
            name: Some(name.into()),
            input: vec![input.into()],
            output: vec![output.into()],
            ..NodeProto::default()
        });
        self
    }

    /// Adds a function of domain "own", written as "out1 out2 = Name in1 in2".
    pub fn function(mut self, text: &str, node: Vec<NodeProto>, defaults: Vec<AttributeProto>) -> Model {
        let call = self::node(text, vec![]);
        self.0.functions.push(FunctionProto {
            name: call.op_type,
            domain: Some("own".into()),
            input: call.input,
            output: call.output,
            node,
            attribute_proto: defaults,
            ..FunctionProto::default()
        });
        self
    }

    /// Adds a call of a function.
    pub fn call(mut self, text: &str, attribute: Vec<AttributeProto>) -> Model {
        self.graph().node.push(call(text, attribute));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }
}

/// A node written as "out1 out2 = Operator in1 in2"; an argument _ is left out.
pub fn node(text: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    let (left, right) = text.split_once('=').unwrap();
    let mut words = right.split_whitespace().map(|w| if w == "_" { "" } else { w }.to_string());
    NodeProto {
        op_type: words.next(),
        name: Some(format!("node {}", left.trim())),
        input: words.collect(),
        output: left.split_whitespace().map(String::from).collect(),
        attribute,
        ..NodeProto::default()
    }
}

/// A call of a function of domain "own".
pub fn call(text: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto { domain: Some("own".into()), ..node(text, attribute) }
}

/// An attribute that is taken from the call of the function it is in.
pub fn reference(name: &str, of: &str) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ref_attr_name: Some(of.into()), ..Default::default() }
}

fn value_info(name: &str, sample_shape: &[i64]) -> ValueInfoProto {
    let mut dim = vec![DimensionProto { dim_value: None, dim_param: Some("batch".into()) }];
    dim.extend(sample_shape.iter().map(|&d| DimensionProto { dim_value: Some(d), dim_param: None }));
    let tensor_type = TensorTypeProto { elem_type: Some(1), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(i), ..Default::default() }
}

pub fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(f), ..Default::default() }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), ..Default::default() }
}

pub fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: Some(name.into()), s: Some(s.into()), ..Default::default() }
}
