// What a trainer tells of its recipe and its data.
#include "products/recipe_info.h"

#include "runtime/data_facts.h"
#include "runtime/number_format.h"

namespace kiln::products {
namespace {

using runtime::format_double;
using runtime::format_integer;

const char* name_of(kiln_schedule_kind kind) {
  switch (kind) {
  case KILN_SCHEDULE_FIXED:
    return "fixed";
  case KILN_SCHEDULE_STEP:
    return "step";
  case KILN_SCHEDULE_MULTISTEP:
    return "multistep";
  case KILN_SCHEDULE_EXP:
    return "exp";
  case KILN_SCHEDULE_INV:
    return "inv";
  case KILN_SCHEDULE_POLY:
    return "poly";
  case KILN_SCHEDULE_COSINE:
    return "cosine";
  case KILN_SCHEDULE_SIGMOID:
    return "sigmoid";
  case KILN_SCHEDULE_ONE_CYCLE:
    return "one_cycle";
  case KILN_SCHEDULE_PLATEAU:
    return "plateau";
  }
  return "";
}

const char* name_of(kiln_augment_kind kind) {
  switch (kind) {
  case KILN_AUGMENT_ROTATE_SCALE:
    return "rotate_scale";
  case KILN_AUGMENT_RANDOM_CROP:
    return "random_crop";
  case KILN_AUGMENT_FLIP:
    return "flip";
  case KILN_AUGMENT_COLOR_JITTER:
    return "color_jitter";
  case KILN_AUGMENT_HSV_JITTER:
    return "hsv_jitter";
  case KILN_AUGMENT_RANDOM_ERASING:
    return "random_erasing";
  case KILN_AUGMENT_FANCY_PCA:
    return "fancy_pca";
  case KILN_AUGMENT_MIXUP:
    return "mixup";
  case KILN_AUGMENT_CUTMIX:
    return "cutmix";
  }
  return "";
}

std::string rate_text(const kiln_stated_schedule& schedule) {
  std::string text = format_double(schedule.base) + " " + name_of(schedule.kind);
  if (schedule.warmup > 0)
    text += ", warmup " + format_double(schedule.warmup) + (schedule.in_epochs ? " epochs" : " steps");
  return text;
}

std::string augmentation_text(const kiln_recipe& recipe) {
  std::string text;
  for (int32_t i = 0; i < recipe.augmentation_count; ++i)
    text += (i == 0 ? "" : ", ") + std::string(name_of(recipe.augmentation[i].kind));
  return text.empty() ? "none" : text;
}

std::string data_text(const kiln_data& data) {
  std::string text;
  for (runtime::Split split : runtime::all_splits) {
    const kiln_split_files& files = data.splits[static_cast<size_t>(split)];
    for (int32_t i = 0; i < files.path_count; ++i)
      text += "\n  " + std::string(runtime::name_of(split)) + "  " + files.paths[i];
    if (files.path_count > 0 && files.label_path[0] != '\0') text += std::string(" ") + files.label_path;
  }
  return text.empty() ? "none named" : text;
}

} // namespace

std::string recipe_text(const kiln_product& product) {
  std::string text;
  const kiln_recipe& recipe = *product.recipe;
  text += "recipe      " + format_integer(recipe.epochs) + " epochs of batches of " + format_integer(recipe.batch) +
          ", seed ";
  runtime::append_unsigned(text, recipe.seed);
  text += ", learning rate " + rate_text(recipe.schedule) + "\naugment     " + augmentation_text(recipe) + "\n";
  text += "data        " + data_text(*product.data) + "\n";
  text += "fixed       network, batch, image size, optimiser, pre-processing, augmentation\n"
          "not fixed   data, epochs, learning rate, seed, threads, weights to start from\n";
  if (product.known_state_count > 0)
    text += "statistics  of the training images were measured when this was built, and are used whatever --data says\n";
  return text;
}

void add_recipe(runtime::JsonWriter& json, const kiln_recipe& recipe) {
  json.key("recipe").begin_object().member("epochs", recipe.epochs).member("batch", recipe.batch);
  json.member("seed", recipe.seed).member("learning_rate", recipe.schedule.base);
  json.member("schedule", name_of(recipe.schedule.kind)).member("augmentation", augmentation_text(recipe));
  json.end_object();
}

} // namespace kiln::products
