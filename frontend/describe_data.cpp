// The data section of a resolved experiment as the runtime takes it: the same facts, without how they were written.
#include "frontend/describe_data.h"

#include <algorithm>

namespace kiln::frontend {
namespace {

using runtime::Split;

runtime::IdxData describe(const proto::Idx& idx) {
  runtime::IdxData data;
  data.images[Split::train] = idx.train_images();
  data.labels[Split::train] = idx.train_labels();
  data.images[Split::test] = idx.test_images();
  data.labels[Split::test] = idx.test_labels();
  return data;
}

runtime::FolderData describe(const proto::Folder& folder) {
  return {{{folder.train(), folder.validation(), folder.test()}}};
}

runtime::ListData describe(const proto::List& list) {
  runtime::ListData data{{{list.train(), list.validation(), list.test()}}, {}};
  data.options.has_header = list.header();
  data.options.root = list.root();
  switch (list.format()) {
  case proto::List::BY_NAME:
    data.options.format = runtime::ListFormat::automatic;
    break;
  case proto::List::CSV:
    data.options.format = runtime::ListFormat::csv;
    break;
  case proto::List::BLANK:
    data.options.format = runtime::ListFormat::blank;
    break;
  }
  return data;
}

runtime::CifarData describe(const proto::Cifar& cifar) {
  runtime::CifarData data;
  switch (cifar.kind()) {
  case proto::Cifar::CIFAR10:
    data.kind = runtime::CifarKind::cifar10;
    break;
  case proto::Cifar::CIFAR100:
    data.kind = runtime::CifarKind::cifar100_fine;
    break;
  case proto::Cifar::CIFAR100_COARSE:
    data.kind = runtime::CifarKind::cifar100_coarse;
    break;
  }
  data.files[Split::train].assign(cifar.train().begin(), cifar.train().end());
  data.files[Split::test].assign(cifar.test().begin(), cifar.test().end());
  if (cifar.folder().empty()) return data;
  for (Split split : runtime::all_splits)
    if (data.files[split].empty()) data.files[split] = runtime::find_cifar_files(cifar.folder(), data.kind, split);
  data.class_names = runtime::read_cifar_class_names(cifar.folder(), data.kind);
  return data;
}

runtime::NpyArrays describe(const proto::NpzPart& part, bool channels_first) {
  const auto place = [&](const std::string& array, const char* otherwise) -> runtime::ArrayPlace {
    if (part.file().empty()) return {array, ""};
    return {part.file(), array.empty() ? otherwise : array};
  };
  runtime::NpyArrays arrays{place(part.image(), "image"), place(part.label(), "label"), {}, channels_first};
  for (const proto::NpzInput& input : part.input())
    arrays.inputs.push_back({input.name(), place(input.array(), input.name().c_str())});
  return arrays;
}

runtime::NpyData describe(const proto::Npz& npz) {
  runtime::NpyData data;
  if (npz.has_train()) data.arrays[Split::train] = describe(npz.train(), npz.channels_first());
  if (npz.has_validation()) data.arrays[Split::validation] = describe(npz.validation(), npz.channels_first());
  if (npz.has_test()) data.arrays[Split::test] = describe(npz.test(), npz.channels_first());
  return data;
}

uint8_t to_byte(int64_t value) { return static_cast<uint8_t>(std::clamp<int64_t>(value, 0, 255)); }

runtime::FitRule describe_fit(const proto::Data& data) {
  runtime::FitRule fit;
  if (data.has_image()) fit.target = {data.image().height(), data.image().width(), data.image().channels()};
  const proto::Resize& resize = data.resize();
  switch (resize.rule()) {
  case proto::Resize::SHORTER_SIDE:
    fit.kind = runtime::FitKind::shorter_side;
    break;
  case proto::Resize::EXACT:
    fit.kind = runtime::FitKind::exact;
    break;
  case proto::Resize::LETTERBOX:
    fit.kind = runtime::FitKind::letterbox;
    break;
  case proto::Resize::CROP:
    fit.kind = runtime::FitKind::crop;
    break;
  }
  switch (resize.filter()) {
  case proto::Resize::BILINEAR:
    fit.filter = runtime::ResampleFilter::bilinear;
    break;
  case proto::Resize::NEAREST:
    fit.filter = runtime::ResampleFilter::nearest;
    break;
  }
  fit.shorter_side = resize.shorter_side();
  for (int64_t value : resize.fill()) fit.fill.push_back(to_byte(value));
  return fit;
}

} // namespace

runtime::DataDescription describe_data(const proto::Data& data) {
  runtime::DataDescription description;
  switch (data.source_case()) {
  case proto::Data::kIdx:
    description.source = describe(data.idx());
    break;
  case proto::Data::kFolder:
    description.source = describe(data.folder());
    break;
  case proto::Data::kCifar:
    description.source = describe(data.cifar());
    break;
  case proto::Data::kList:
    description.source = describe(data.list());
    break;
  case proto::Data::kNpz:
    description.source = describe(data.npz());
    break;
  case proto::Data::kSynthetic: // made up from the network's functions, not from a description
  case proto::Data::SOURCE_NOT_SET:
    break;
  }
  description.class_names.assign(data.class_name().begin(), data.class_name().end());
  description.fit = describe_fit(data);
  description.resizes = data.has_resize();
  for (int channel = 0; channel < 3 && data.background_size() > 0; ++channel)
    description.background[static_cast<size_t>(channel)] =
        to_byte(data.background(data.background_size() == 3 ? channel : 0));
  description.split = {data.split().validation(), data.split().test(), data.split().seed()};
  constexpr int64_t megabyte = int64_t{1} << 20;
  description.cache_bytes = data.cache_mb() * megabyte;
  return description;
}

} // namespace kiln::frontend
