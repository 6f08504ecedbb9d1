// Running statistics take over a share of the batch's: one pass over vectors of values a channel. Padding lanes are
// zero in all of them and stay so.
#include "ir/ops/update_running_statistics.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

template <> void emit<ir::UpdateRunningStatistics>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::UpdateRunningStatistics>();
  const int64_t total = emission.operand_type(0).physical_elements();
  emission.launch("update", {emission.operand(0), emission.operand(1), emission.operand(2), emission.operand(3)}, {},
                  chunk_count(total), [=](KernelBuilder& k) {
                    const auto update = [&](const Span& at, int32_t running, int32_t batch, double factor) {
                      const F32 old = load(k, k.operand(running), at);
                      const F32 kept = old * like(old, ir::UpdateRunningStatistics::kept(attributes));
                      store(k, k.operand(running), at, mul_add(load(k, k.operand(batch), at), like(old, factor), kept));
                    };
                    k.begin_tasks([&](Index task) {
                      for_chunk(k, task, total, [&](const Span& at) {
                        update(at, 0, 2, ir::UpdateRunningStatistics::mean_factor(attributes));
                        update(at, 1, 3, ir::UpdateRunningStatistics::variance_factor(attributes));
                      });
                    });
                  });
}

} // namespace kiln::codegen
