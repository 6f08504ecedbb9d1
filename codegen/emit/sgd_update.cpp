// The optimiser's step: one pass over a parameter, its velocity and its gradient, all of one layout. Padding lanes are
// zero in all three and stay so.
#include "ir/ops/sgd_update.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

template <> void emit<ir::SgdUpdate>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::SgdUpdate>();
  const int64_t total = emission.operand_type(0).physical_elements();
  emission.launch("update", {emission.operand(0), emission.operand(1), emission.operand(2), emission.operand(3)}, {},
                  chunk_count(total), [=](KernelBuilder& k) {
                    const Pointer parameter = k.operand(0);
                    const Pointer velocity = k.operand(1);
                    const Pointer gradient = k.operand(2);
                    const F32 rate = k.load_broadcast(k.operand(3), 0);
                    k.begin_tasks([&](Index task) {
                      for_chunk(
                          k, task, total,
                          [&](const Span& at) {
                            F32 weight, speed;
                            ir::SgdUpdate::formula(attributes, load(k, parameter, at), load(k, velocity, at),
                                                   load(k, gradient, at), rate, weight, speed);
                            store(k, parameter, at, weight);
                            store(k, velocity, at, speed);
                          },
                          Unroll::by(2));
                    });
                  });
}

} // namespace kiln::codegen
