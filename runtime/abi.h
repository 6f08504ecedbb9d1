// The C contract between emitted code, the descriptions a compiler writes about it, and the runtime that runs it.
// A standalone product holds these structs as constants; `kiln train` fills them in memory. Nothing here allocates.
//
// Units: bytes for sizes and offsets, elements for dims. Pointers inside descriptions are owned by whoever made the
// description and outlive every call. All floats are IEEE f32 unless a field says otherwise.
#ifndef KILN_RUNTIME_ABI_H
#define KILN_RUNTIME_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KILN_ABI_VERSION 4u
#define KILN_MAX_RANK 6
#define KILN_MAX_BLOCKS 2
// Every buffer starts on this boundary, and its size is a multiple of it.
#define KILN_BUFFER_ALIGNMENT 64

// ---------------------------------------------------------------------------------------------------------------
// Running emitted code
// ---------------------------------------------------------------------------------------------------------------

enum kiln_status { KILN_OK = 0, KILN_WRONG_ABI = 1 };

struct kiln_call;

// Called by the driver after each plan step when set: poisons dead buffers (debug arena), times steps, looks for NaN.
typedef void (*kiln_step_hook)(void* context, int32_t step);

// One invocation of an emitted function. Built by the caller, read-only for emitted code.
typedef struct kiln_call {
  uint32_t abi_version;
  // Pointer of each planned buffer, in the order of kiln_function::buffers. Several may lie in one arena.
  void* const* buffers;
  // Key of every random draw in the call (with the layer's id): see counter_random.h.
  uint64_t seed;
  uint64_t step;
  // Opaque to emitted code: kiln_parallel_for finds its threads here.
  void* pool;
  // Per-thread scratch: thread t owns [scratch + t * scratch_bytes, + scratch_bytes).
  char* scratch;
  int64_t scratch_bytes;
  kiln_step_hook hook; // may be null
  void* hook_context;
} kiln_call;

// What one launch hands to its kernel.
typedef struct kiln_kernel_args {
  void* const* operands;  // in the order the kernel declares them
  const int64_t* scalars; // launch constants, e.g. the id of a random stream
  const kiln_call* call;
} kiln_kernel_args;

// Runs tasks [begin, end) of a launch. Tasks write disjoint memory, so any split and order gives the same bits.
typedef void (*kiln_kernel)(const kiln_kernel_args* args, int64_t begin, int64_t end, void* scratch);

// An emitted function (`predict`, `train_step`, `evaluate`): runs all of its plan steps; returns a kiln_status.
typedef int32_t (*kiln_entry)(const kiln_call* call);

// The functions that emitted code may call (besides memcpy and memset).

// Runs `kernel` over [0, tasks) on the threads of call->pool; returns when all are done.
void kiln_parallel_for(const kiln_call* call, kiln_kernel kernel, const kiln_kernel_args* args, int64_t tasks);

// ---------------------------------------------------------------------------------------------------------------
// Describing tensors
// ---------------------------------------------------------------------------------------------------------------

typedef enum kiln_dtype { KILN_F32 = 0, KILN_U8 = 1, KILN_I32 = 2 } kiln_dtype;

typedef struct kiln_block {
  int32_t dim;
  int32_t size;
} kiln_block;

// Where an element of a logical index lies. The physical array is row-major over: every logical dim in `order`, with
// extent ceil(dim / product of the blocks that split it), then the blocks, outermost first. Lanes beyond a dim's end
// hold zero. NCHW16c is order {0,1,2,3}, blocks {{1,16}}; plain row-major has no blocks and the identity order.
typedef struct kiln_layout {
  int8_t order[KILN_MAX_RANK];
  int32_t block_count;
  kiln_block blocks[KILN_MAX_BLOCKS];
} kiln_layout;

typedef struct kiln_tensor {
  const char* name;
  kiln_dtype dtype;
  int32_t rank;
  int64_t dims[KILN_MAX_RANK]; // logical
  kiln_layout layout;
  int64_t bytes; // physical, without alignment padding
} kiln_tensor;

// ---------------------------------------------------------------------------------------------------------------
// Describing a program
// ---------------------------------------------------------------------------------------------------------------

typedef enum kiln_initializer_kind {
  KILN_INIT_CONSTANT = 0, // a
  KILN_INIT_UNIFORM = 1,  // in [a, b)
  KILN_INIT_NORMAL = 2,   // mean a, standard deviation b
  // As rows of all dims but the first: orthogonal, of length a; the columns, where there are more rows.
  KILN_INIT_ORTHOGONAL = 3,
  // Dims input, output, height, width: linear interpolation, where input and output agree modulo b; else 0.
  KILN_INIT_BILINEAR = 4
} kiln_initializer_kind;

typedef struct kiln_initializer {
  kiln_initializer_kind kind;
  float a;
  float b;
} kiln_initializer;

typedef enum kiln_state_role {
  KILN_PARAMETER = 0, // learnt; counted, saved, hashed
  KILN_STATISTIC = 1, // running statistic; saved and hashed, never touched by an optimiser
  KILN_OPTIMIZER = 2, // saved under optimizer/, not hashed
  KILN_CONSTANT = 3   // compile-time data (folded weights, means); in no checkpoint
} kiln_state_role;

// A tensor that lives across calls.
typedef struct kiln_state {
  kiln_tensor tensor;
  kiln_state_role role;
  kiln_initializer initializer;
  uint64_t stream;       // id of its random stream, from the layer's path
  int32_t reinitialized; // 1: what weights to start from hold in its place is passed over
  // KILN_CONSTANT: its physical bytes, or null where write_state gives it its values before the first run. Else null.
  const void* data;
} kiln_state;

typedef enum kiln_buffer_kind {
  KILN_BUFFER_ARENA = 0, // at `offset` of the function's arena
  KILN_BUFFER_STATE = 1, // states[index] of the program
  KILN_BUFFER_INPUT = 2, // inputs[index] of the function
  KILN_BUFFER_OUTPUT = 3 // outputs[index] of the function
} kiln_buffer_kind;

typedef struct kiln_buffer {
  kiln_buffer_kind kind;
  int32_t index;
  int64_t offset;
  int64_t bytes;
  int32_t first_step; // arena only: written first in this step ...
  int32_t last_step;  // ... and read last in this one
} kiln_buffer;

// One plan step, for `kiln time`, the debug arena and error messages.
typedef struct kiln_step {
  const char* name;   // "conv1.forward"
  const char* op;     // "conv2d"
  const char* kernel; // "direct_nchwc"
  const char* layers; // the layers it serves: "conv1, relu1"
  int64_t flops;
  int64_t bytes; // read + written once each
} kiln_step;

typedef enum kiln_result_kind {
  KILN_RESULT_VALUE = 0,
  KILN_RESULT_RECTIFIED = 1, // a value that a rectifier gave: a unit that does not fire gives 0 throughout
  KILN_RESULT_UPDATE = 2     // a state that the step changes
} kiln_result_kind;

// What a step writes, for those who look between steps.
typedef struct kiln_result {
  kiln_tensor tensor;
  kiln_result_kind kind;
  int32_t step;
  int32_t buffer;
  int32_t gradient; // of an update: the buffer with the gradient of a parameter, in the parameter's layout; else -1
} kiln_result;

typedef struct kiln_function {
  const char* name; // "predict", "train_step", "evaluate"
  kiln_entry entry;
  int64_t batch;
  const kiln_tensor* inputs;
  int32_t input_count;
  const kiln_tensor* outputs;
  int32_t output_count;
  const kiln_buffer* buffers;
  int32_t buffer_count;
  const kiln_step* steps;
  int32_t step_count;
  const kiln_result* results; // of train_step, in the order of steps; others say nothing
  int32_t result_count;
  int64_t arena_bytes;
  int64_t scratch_bytes; // per thread
} kiln_function;

// One of the losses whose weighted sum is trained on.
typedef struct kiln_loss {
  const char* name;
  double weight;
} kiln_loss;

// Inputs and outputs have fixed names, and a row a sample where their first dim is the batch. Every input but
// "learning_rate" (f32[1], of train_step) is a field of the data: "image"; "label" where a loss wants one, i32 for
// classes, a value a sample or one a pixel, f32 for what else is wanted; others as the network names them.
// Outputs of train_step: "loss", f32[1], what is trained on; if there are several losses, "loss:NAME", f32[1], each of
// them before its weight; "correct", f32[batch], how many labels of a sample are predicted, if labels are classes.
// Outputs of evaluate, f32[batch], so that the reader leaves out the rows that pad a last batch: "loss" (of several
// losses "loss:NAME"); where samples do not count alike "loss_weight" ("loss_weight:NAME"), and the mean is then sum of
// losses / sum of weights; "correct"; "top_K", as correct, if the label may be any of the K best; and "predicted",
// i32[batch,...], the classes predicted or -1 for none, where a confusion matrix is wanted.
// The first output of predict: "probability", f32[batch,classes,...], of a network that tells classes apart, else
// "output".
typedef struct kiln_program {
  uint32_t abi_version;
  const char* name;
  const char* plan_hash; // hex SHA-256 of IR, plan and ISA level
  const char* isa;       // "x86-64", "v4"
  const kiln_state* states;
  int32_t state_count;
  const kiln_function* functions;
  int32_t function_count;
  const char* experiment; // the resolved experiment, opaque text, stored in checkpoints
  const char* const* class_names;
  int32_t class_count;   // 0: labels are no classes
  int32_t ignores_label; // whether ignored_label, which may be no class, counts in no loss and no metric
  int64_t ignored_label;
  const kiln_loss* losses;
  int32_t loss_count;
  int32_t confusion_matrix; // whether metrics files hold it ...
  int32_t per_class;        // ... and precision, recall and F1
} kiln_program;

// ---------------------------------------------------------------------------------------------------------------
// Describing the recipe
// ---------------------------------------------------------------------------------------------------------------

typedef enum kiln_schedule_kind {
  KILN_SCHEDULE_FIXED = 0,     // base
  KILN_SCHEDULE_STEP = 1,      // base * gamma^floor(t / every)
  KILN_SCHEDULE_MULTISTEP = 2, // base * gamma^(milestones passed)
  KILN_SCHEDULE_EXP = 3,       // base * gamma^t
  KILN_SCHEDULE_INV = 4,       // base * (1 + gamma t)^-power
  KILN_SCHEDULE_POLY = 5,      // base * (1 - t / total)^power
  KILN_SCHEDULE_COSINE = 6,    // floor + (base - floor) (1 + cos(pi t / total)) / 2
  KILN_SCHEDULE_SIGMOID = 7,   // base / (1 + e^(gamma (t - middle)))
  // Half a cosine from base / rise_from up to base while t < rise total, then half a one down to base / fall_to at
  // total.
  KILN_SCHEDULE_ONE_CYCLE = 8,
  KILN_SCHEDULE_PLATEAU = 9 // base, lowered by what tests show
} kiln_schedule_kind;

// t counts optimiser steps, from 0. During the first `warmup_steps` the rate rises linearly: rate *= (t + 1) /
// (warmup_steps + 1).
typedef struct kiln_schedule {
  kiln_schedule_kind kind;
  double base;
  double gamma;
  double power;
  double floor;
  double middle;
  double rise;
  double rise_from;
  double fall_to;
  int64_t every;
  const int64_t* milestones;
  int32_t milestone_count;
  int64_t total_steps;
  int64_t warmup_steps;
} kiln_schedule;

typedef enum kiln_border {
  KILN_BORDER_FILL = 0,    // a stated value
  KILN_BORDER_REFLECT = 1, // mirrored at the outermost pixels, which are not repeated
  KILN_BORDER_EDGE = 2     // the outermost pixels repeated
} kiln_border;

// What lies outside of an image. `fill` holds one value, or one a channel.
typedef struct kiln_outside {
  kiln_border border;
  const uint8_t* fill;
  int32_t fill_count;
} kiln_outside;

typedef enum kiln_augment_kind {
  KILN_AUGMENT_ROTATE_SCALE = 0,
  KILN_AUGMENT_RANDOM_CROP = 1,
  KILN_AUGMENT_FLIP = 2,
  KILN_AUGMENT_COLOR_JITTER = 3,
  KILN_AUGMENT_HSV_JITTER = 4,
  KILN_AUGMENT_RANDOM_ERASING = 5,
  KILN_AUGMENT_FANCY_PCA = 6,
  // Of a batch, behind all others: runtime/augment/mixer.h.
  KILN_AUGMENT_MIXUP = 7,
  KILN_AUGMENT_CUTMIX = 8
} kiln_augment_kind;

// A change to training images on their way to the step: runtime/augment/augmenter.h. Draws are keyed by (seed, epoch,
// stream) and indexed by sample.
typedef struct kiln_augment_stage {
  kiln_augment_kind kind;
  uint64_t stream;
  // rotate_scale: radians, evenly from -angle to angle; factors between two bounds, evenly or on a logarithmic scale.
  double angle;
  double scale[2];
  double aspect[2]; // width to height; of random_erasing too
  int32_t logarithmic;
  // random_crop: rows and columns put around the image before, and what is cut out.
  int64_t padding;
  int64_t height;
  int64_t width;
  int32_t only_repeats; // the first visit of an epoch is cut from the middle
  // Of both, and what random_erasing puts in.
  kiln_outside outside;
  // flip, random_erasing, mixup, cutmix
  double probability;
  // color_jitter: factors between two bounds.
  double brightness[2];
  double contrast[2];
  double saturation[2];
  // hsv_jitter: of saturation and value the exponent (on a logarithmic scale) and the factor between two bounds, and
  // what is added, from -shift to shift. Of both: what is added to the hue, in turns, from -hue to hue.
  double power[2];
  double factor[2];
  double shift;
  double hue;
  // random_erasing: the share of the image between two bounds.
  double area[2];
  int32_t noise;
  // fancy_pca: what each of three draws adds to red, green and blue, in grey levels, and the draws' standard deviation.
  double colors[9];
  double strength;
  // mixup, cutmix: of the beta distribution.
  double alpha;
} kiln_augment_stage;

typedef enum kiln_balance {
  KILN_AS_FOUND = 0,
  KILN_UP_SAMPLE = 1,  // each class as often as the largest
  KILN_DOWN_SAMPLE = 2 // ... as the smallest
} kiln_balance;

// Which samples an epoch is made of: runtime/epoch_samples.h.
typedef struct kiln_class_rules {
  kiln_balance balance;
  int64_t at_least; // only classes of at least that many samples
  int64_t at_most;  // ... and of at most; 0: of any number
} kiln_class_rules;

typedef enum kiln_measure {
  KILN_MEASURE_NEITHER = 0,
  KILN_MEASURE_LOSS = 1,    // lower is better
  KILN_MEASURE_ACCURACY = 2 // higher is better
} kiln_measure;

typedef struct kiln_watch {
  kiln_measure measure;
  int64_t patience;    // tests in a row that are not better
  double least_change; // better is better by more than this
} kiln_watch;

// What tests during training decide: runtime/test_watch.h.
typedef struct kiln_test_rules {
  kiln_watch plateau; // of KILN_SCHEDULE_PLATEAU: when the rate is divided by `factor`
  double factor;
  double least_rate;
  kiln_watch early_stop;  // NEITHER: the run never ends early
  kiln_measure keep_best; // by which the weights of the best test are kept; NEITHER: they are not
} kiln_test_rules;

typedef struct kiln_training {
  int64_t batch;
  int64_t epochs;
  uint64_t seed;
  kiln_schedule schedule;
  int64_t checkpoint_every_steps; // 0: at the end of each epoch only
  int64_t evaluate_every_epochs;  // 0: after the last one only
  int64_t health_every_steps;     // 0: it is not looked at
  kiln_test_rules test_rules;
  kiln_class_rules class_rules;
  int32_t shuffle;
  int32_t wrap_tail; // 0: drop the samples of an epoch's incomplete last batch; 1: fill it from the epoch's start
  const kiln_augment_stage* augmentation; // in order
  int32_t augmentation_count;
} kiln_training;

#ifdef __cplusplus
}
#endif

#endif
