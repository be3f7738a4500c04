//! Making an equal graph node by node.

use super::{Graph, NodeId, Op, Port};

impl Graph {
    /// The graph that `place` makes of every operation, given its arguments in the new graph. Inputs, outputs and
    /// parameters keep their names; what the outputs do not need is left out.
    pub(crate) fn rebuilt(&self, mut place: impl FnMut(&mut Graph, &Op, &[NodeId]) -> NodeId) -> Graph {
        let mut result = self.empty();
        let mut new_id: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        for id in self.ids() {
            let node = self.node(id);
            let inputs: Vec<NodeId> = node.inputs.iter().map(|i| new_id[i.0]).collect();
            new_id.push(match &node.op {
                Op::Input => {
                    let name = self.inputs.iter().find(|p| p.node == id).map_or("", |p| p.name.as_str());
                    result.input(name, &node.shape, node.extent)
                }
                Op::Constant(values) => result.constant(&node.shape, values.clone()),
                op => place(&mut result, op, &inputs),
            });
        }
        let rename = |p: &Port| Port { node: new_id[p.node.0], ..p.clone() };
        result.outputs = self.outputs.iter().map(rename).collect();
        result.inputs = self.inputs.iter().map(rename).collect();
        result.parameters = self.parameters.iter().map(rename).collect();
        result.retain_needed()
    }
}
