// What the losses of classifiers share.
// Per sample outside of training, so that the padded rows of a last batch can be left out.
#include "frontend/import/classifier_loss.h"

#include <fmt/format.h>

#include "ir/ops/reduce_mean.h"
#include "ir/ops/softmax.h"
#include "ir/ops/top1.h"

namespace kiln::frontend {

ir::Value* import_classifier_loss(LayerImport& import, std::string_view kind_name, const PerSampleLoss& per_sample) {
  LayerReport& report = import.report;
  if (!import.ready()) return nullptr;
  const ir::Dims& dims = import.input_dims();
  int64_t classes = dims[1];
  if (dims.size() == 4 && dims[2] * dims[3] != 1)
    report.error("", fmt::format("its input is {}: it takes one value a class", shape_text(dims)),
                 "put a dense layer before it, with as many units as there are classes");
  else if (classes < 2)
    report.error("", "its input is a single value, but there are at least two classes",
                 "give the layer before it as many outputs as there are classes");
  else if (import.class_names != 0 && import.class_names != classes)
    report.error("", fmt::format("its input has {} values, but the data name {} classes", classes, import.class_names));
  if (!import.ready()) return nullptr;
  ir::Value& logits = import.rows("reshape");
  if (import.kind == FunctionKind::predict) {
    ir::Value& probability = import.create<ir::Softmax>({}, {&logits}, "softmax");
    import.output("probability", probability);
    return &probability;
  }
  const bool trains = import.kind == FunctionKind::train_step;
  ir::Value* loss = &per_sample(logits, trains ? kind_name : "");
  if (trains) loss = &import.create<ir::ReduceMean>({}, {loss});
  import.output("loss", *loss);
  import.output("correct", import.create<ir::Top1>({}, {&logits, import.label}, "top1"));
  return loss;
}

} // namespace kiln::frontend
