// The C contract between what the compiler writes into a native trainer or an inference binary and the library that
// drives it: the recipe and the data of an experiment as constant structs, around the programs of abi.h.
#ifndef KILN_RUNTIME_PRODUCT_H
#define KILN_RUNTIME_PRODUCT_H

#include "runtime/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---------------------------------------------------------------------------------------------------------------
// The recipe, as the experiment states it
// ---------------------------------------------------------------------------------------------------------------

// A kiln_schedule before the training samples are counted: its times are in epochs or in steps.
typedef struct kiln_stated_schedule {
  kiln_schedule_kind kind;
  int32_t in_epochs; // what `every`, `milestones`, `warmup`, `middle`, and gamma of EXP, INV and SIGMOID count in; else
                     // in steps
  double base;
  double gamma;
  double power;
  double floor;
  double middle;
  double rise;
  double rise_from;
  double fall_to;
  double every;
  const double* milestones;
  int32_t milestone_count;
  double warmup;
} kiln_stated_schedule;

typedef struct kiln_recipe {
  int64_t batch;
  int64_t epochs;
  uint64_t seed;
  kiln_stated_schedule schedule;
  int64_t checkpoint_every_steps; // as in kiln_training
  int64_t evaluate_every_epochs;
  int64_t health_every_steps;
  kiln_test_rules test_rules;
  kiln_class_rules class_rules;
  const char* weights; // to start from; empty: none
  int64_t evaluation_batch;
  int32_t shuffle;
  int32_t wrap_tail;
  const kiln_augment_stage* augmentation;
  int32_t augmentation_count;
  int32_t skips_bad_records;
} kiln_recipe;

// ---------------------------------------------------------------------------------------------------------------
// The data
// ---------------------------------------------------------------------------------------------------------------

typedef enum kiln_source_kind {
  KILN_SOURCE_NONE = 0,
  KILN_SOURCE_IDX = 1,
  KILN_SOURCE_FOLDER = 2,
  KILN_SOURCE_LIST = 3,
  KILN_SOURCE_CIFAR = 4,
  KILN_SOURCE_NPY = 5
} kiln_source_kind;

// Of one split; no paths: there is no such split.
typedef struct kiln_split_files {
  const char* const* paths; // images: files, a folder, or a list
  int32_t path_count;
  const char* label_path;  // IDX, NPY
  const char* image_array; // NPY: members of archives
  const char* label_array;
  const char* const* input_names; // NPY: further inputs of the network, and where each one's array is
  const char* const* input_paths;
  const char* const* input_arrays;
  int32_t input_count;
} kiln_split_files;

// FitRule of runtime/fit_image.h; kinds and filters are its enumerators.
typedef struct kiln_fit {
  int32_t kind;
  int32_t filter;
  int64_t height;
  int64_t width;
  int64_t channels;
  int64_t shorter_side;
  const uint8_t* fill;
  int32_t fill_count;
} kiln_fit;

// DataDescription of runtime/data_description.h.
typedef struct kiln_data {
  kiln_source_kind kind;
  kiln_split_files splits[3]; // train, validation, test
  int32_t list_format;        // enumerator of ListFormat
  int32_t list_has_header;
  const char* list_root;
  int32_t cifar_kind; // enumerator of CifarKind
  int32_t channels_first;
  const char* const* class_names;
  int32_t class_count;
  kiln_fit fit;
  int32_t resizes;
  uint8_t background[3];
  double validation_share;
  double test_share;
  uint64_t split_seed;
  int64_t cache_bytes;
} kiln_data;

// ---------------------------------------------------------------------------------------------------------------
// The product
// ---------------------------------------------------------------------------------------------------------------

// Values of a state that the product brings with it, in logical order. Levels share what is alike.
typedef struct kiln_known_state {
  const char* name;
  const char* key;    // what a file of weights calls them
  const void* values; // null: they are in that file alone
} kiln_known_state;

// One for each CPU level that the executable was built for, ascending.
typedef struct kiln_product {
  uint32_t abi_version;
  const char* kiln_version;
  const char* levels; // all of the executable: "v2, v3"
  // A trainer's train_step and evaluate, compiled as `kiln train` does; an inference binary's predict.
  const kiln_program* program;
  // A trainer's predict, for several batches; its parameters and statistics bear the same names. Else null.
  const kiln_program* predictor;
  const kiln_recipe* recipe; // null in an inference binary
  const kiln_data* data;     // there only how files of images become inputs
  // A trainer: statistics of the data that pre-processing takes, measured when it was built. An inference binary: its
  // weights, those that passes made constants too: all or none in a file.
  const kiln_known_state* known_states;
  int32_t known_state_count;
  const unsigned char* licences; // of the libraries inside: a zlib stream
  int64_t licences_bytes;
  int64_t licences_text_bytes; // inflated
  // An input of predict's smallest batch and what it made of it when the product was built; null in a trainer.
  const unsigned char* sample;
  const float* sample_output;
} kiln_product;

#ifdef __cplusplus
}
#endif

#endif
