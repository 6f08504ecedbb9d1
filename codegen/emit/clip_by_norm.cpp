// A gradient scaled by what the norm of all of them asks for: one pass over any layout.
#include "ir/ops/clip_by_norm.h"

#include "codegen/emit/vectors.h"
#include "ir/ops/elementwise.h"

namespace kiln::codegen {

template <> void emit<ir::ClipByNorm>(Emission& emission) {
  const double norm = emission.node().attributes<ir::ClipByNorm>().norm;
  const int64_t total = emission.result_type().physical_elements();
  emission.launch("forward", {emission.operand(0), emission.operand(1), emission.result()}, {}, chunk_count(total),
                  [=](KernelBuilder& k) {
                    using math::sqrt;
                    const F32 squares = k.load_broadcast(k.operand(1), 0);
                    const F32 within = like(squares, norm * norm);
                    // A factor that is no number would leave none in padding lanes; one of 0 would hide an overflow.
                    const F32 scaled =
                        select(squares < like(squares, 3.0e38), like(squares, norm) / sqrt(squares), like(squares, 1));
                    const F32 factor = select(squares > within, scaled, like(squares, 1));
                    k.begin_tasks([&](Index task) {
                      for_chunk(k, task, total, [&](const Span& at) {
                        store(k, k.operand(2), at, load(k, k.operand(0), at) * factor);
                      });
                    });
                  });
}

} // namespace kiln::codegen
