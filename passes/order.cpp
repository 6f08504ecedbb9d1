// Orders nodes so that activations are freed early.
//
// List scheduling. Of the nodes whose operands are computed, the next is an update, if there is one; else the one that
// frees most; else, when all add to what is alive, the one that stood first: what can be computed at any time, such as
// converted weights, would only be alive for longer. A node whose result serves an update alone counts together with
// that update, so that weight gradients are used up where they arise. An update waits for all that read its states
// before.
// Last of the passes that move nodes: conversions and fused nodes are what memory is planned for.
#include "ir/op.h"
#include "passes/passes.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace kiln::passes {

using namespace ir;

namespace {

class Scheduler {
public:
  explicit Scheduler(Function& function) : function_(function) {
    for (const auto& node : function.nodes()) nodes_.push_back(node.get());
    waits_for_.resize(nodes_.size());
    followers_.resize(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) add_dependences(i);
    for (const Output& output : function.outputs) kept_.insert(root_of(*output.value));
  }

  bool run() {
    std::vector<size_t> order;
    std::set<size_t> ready; // ascending: of equals the first found is the first that stood
    for (size_t i = 0; i < nodes_.size(); ++i)
      if (waits_for_[i].empty()) ready.insert(i);
    while (!ready.empty()) {
      const size_t next =
          *std::min_element(ready.begin(), ready.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });
      ready.erase(next);
      order.push_back(next);
      for (const Value* root : roots_read(next)) --reads_left_[root];
      for (size_t follower : followers_[next]) {
        waits_for_[follower].erase(next);
        if (waits_for_[follower].empty()) ready.insert(follower);
      }
    }
    return apply(order);
  }

private:
  // The value whose memory a value lies in.
  const Value* root_of(const Value& value) const {
    const Value* root = &value;
    while (root->producer != nullptr && root->producer->op().traits.alias) root = &root->producer->operand(0);
    return root;
  }

  std::set<const Value*> roots_read(size_t node) const {
    std::set<const Value*> roots;
    for (const Value* operand : nodes_[node]->operands()) roots.insert(root_of(*operand));
    return roots;
  }

  void add_dependence(size_t node, size_t on) {
    if (waits_for_[node].insert(on).second) followers_[on].push_back(node);
  }

  void add_dependences(size_t i) {
    const Node& node = *nodes_[i];
    for (const Value* operand : node.operands())
      if (operand->producer != nullptr) add_dependence(i, position_.at(operand->producer));
    position_[&node] = i;
    for (const Value* root : roots_read(i)) {
      ++reads_left_[root];
      if (root->kind != Value::Kind::state) continue;
      Accesses& accesses = accesses_[root];
      if (node.op().traits.effect) {
        for (size_t reader : accesses.readers) add_dependence(i, reader);
        accesses.readers.clear();
      }
      if (accesses.writer != kNone) add_dependence(i, accesses.writer);
      if (node.op().traits.effect)
        accesses.writer = i;
      else
        accesses.readers.push_back(i);
    }
  }

  // Bytes of the arena that a value holds while it is alive.
  int64_t bytes_of(const Value* root) const {
    return root->kind != Value::Kind::result || kept_.contains(root) ? 0 : root->type.bytes();
  }

  int64_t growth(size_t i) const {
    int64_t bytes = 0;
    for (size_t r = 0; r < nodes_[i]->result_count(); ++r)
      if (!nodes_[i]->op().traits.alias) bytes += bytes_of(&nodes_[i]->result(r));
    for (const Value* root : roots_read(i))
      if (reads_left_.at(root) == 1) bytes -= bytes_of(root);
    return bytes;
  }

  // Lowest first.
  int64_t rank(size_t i) const {
    if (nodes_[i]->op().traits.effect) return std::numeric_limits<int64_t>::min();
    return std::min<int64_t>(growth_with_update(i), 1);
  }

  int64_t growth_with_update(size_t i) const {
    const bool leads_to_update = followers_[i].size() == 1 && nodes_[followers_[i][0]]->op().traits.effect &&
                                 waits_for_[followers_[i][0]].size() == 1;
    return growth(i) + (leads_to_update ? growth(followers_[i][0]) : 0);
  }

  bool apply(const std::vector<size_t>& order) {
    if (std::is_sorted(order.begin(), order.end())) return false;
    std::map<const Node*, size_t> place;
    for (size_t i = 0; i < order.size(); ++i) place[nodes_[order[i]]] = i;
    function_.nodes().sort([&](const auto& a, const auto& b) { return place.at(a.get()) < place.at(b.get()); });
    return true;
  }

  static constexpr size_t kNone = ~size_t{0};
  struct Accesses {
    size_t writer = kNone;       // the last
    std::vector<size_t> readers; // since then
  };

  Function& function_;
  std::vector<Node*> nodes_; // in the order given
  std::map<const Node*, size_t> position_;
  std::vector<std::set<size_t>> waits_for_;
  std::vector<std::vector<size_t>> followers_;
  std::map<const Value*, Accesses> accesses_; // of states
  std::map<const Value*, int64_t> reads_left_;
  std::set<const Value*> kept_; // outputs: they lie in the caller's memory
};

} // namespace

bool order(Module& module, const PassOptions&) {
  bool changed = false;
  for (const auto& function : module.functions()) changed |= Scheduler(*function).run();
  return changed;
}

} // namespace kiln::passes
