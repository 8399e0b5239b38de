// The gradient of a batch normalization and the ReLU after it, in two passes: a trial
// that is not part of the package. See normalization_gradient.py.

#include <cstdint>
#include <mutex>
#include <vector>

#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace {

using namespace tensorflow;
using Floats = std::vector<float>;

REGISTER_OP("NormalizationReluGradient")
    .Attr("T: {float, bfloat16}")
    .Input("gradient: T")  // of the ReLU's output, (N, H, W, C)
    .Input("x: T")         // the input of the normalization
    .Input("gamma: float")
    .Input("beta: float")
    .Input("mean: float")
    .Input("rsqrt: float")  // 1 / sqrt(variance + epsilon)
    .Output("x_gradient: T")
    .Output("gamma_gradient: float")
    .Output("beta_gradient: float");

// Functions of their own, or GCC does not use vector instructions.

__attribute__((noinline)) void add(const float* __restrict g, const float* __restrict x,
                                   const float* __restrict scale,
                                   const float* __restrict shift,
                                   float* __restrict sum, float* __restrict product,
                                   int channels) {
  for (int c = 0; c < channels; ++c) {
    float value = x[c], gradient = g[c];
    float passed = value * scale[c] + shift[c] > 0 ? gradient : 0.f;
    sum[c] += passed;
    product[c] += passed * value;
  }
}

__attribute__((noinline)) void combine(
    const float* __restrict g, const float* __restrict x, const float* __restrict scale,
    const float* __restrict shift, const float* __restrict slope,
    const float* __restrict constant, float* __restrict out, int channels) {
  for (int c = 0; c < channels; ++c) {
    float value = x[c], gradient = g[c];
    float passed = value * scale[c] + shift[c] > 0 ? gradient : 0.f;
    out[c] = scale[c] * passed + slope[c] * value + constant[c];
  }
}

const float* read(const float* from, int, Floats&) { return from; }

__attribute__((noinline)) const float* read(const bfloat16* from, int channels,
                                            Floats& buffer) {
  auto bits = reinterpret_cast<const uint16_t*>(from);
  auto to = reinterpret_cast<uint32_t*>(buffer.data());
  for (int c = 0; c < channels; ++c) to[c] = uint32_t(bits[c]) << 16;
  return buffer.data();
}

float* target(float* to, Floats&) { return to; }
float* target(bfloat16*, Floats& buffer) { return buffer.data(); }

void write(float*, int, const Floats&) {}

__attribute__((noinline)) void write(bfloat16* to, int channels, const Floats& buffer) {
  auto from = reinterpret_cast<const uint32_t*>(buffer.data());
  auto bits = reinterpret_cast<uint16_t*>(to);
  for (int c = 0; c < channels; ++c)
    bits[c] = (from[c] + 0x7fff + ((from[c] >> 16) & 1)) >> 16;
}

template <typename T>
class NormalizationReluGradient : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(1);
    const int channels = x.dim_size(3);
    const int64_t rows = x.NumElements() / channels;
    auto vector = [&](int i) { return context->input(i).flat<float>().data(); };
    const float *gamma = vector(2), *beta = vector(3), *mean = vector(4);
    const float* rsqrt = vector(5);
    Tensor *x_gradient, *gamma_gradient, *beta_gradient;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &x_gradient));
    OP_REQUIRES_OK(context, context->allocate_output(1, {channels}, &gamma_gradient));
    OP_REQUIRES_OK(context, context->allocate_output(2, {channels}, &beta_gradient));
    const T* gradients = context->input(0).flat<T>().data();
    const T* values = x.flat<T>().data();
    T* out = x_gradient->flat<T>().data();
    float* sums = beta_gradient->flat<float>().data();

    Floats scale(channels), shift(channels), products(channels, 0.f);
    for (int c = 0; c < channels; ++c) {
      scale[c] = gamma[c] * rsqrt[c];
      shift[c] = beta[c] - mean[c] * scale[c];
      sums[c] = 0;
    }
    std::mutex mutex;
    in_parallel(context, rows, [&](int64_t begin, int64_t end) {
      Floats a(channels), b(channels), sum(channels, 0.f), product(channels, 0.f);
      for (int64_t row = begin * channels; row < end * channels; row += channels)
        add(read(gradients + row, channels, a), read(values + row, channels, b),
            scale.data(), shift.data(), sum.data(), product.data(), channels);
      std::lock_guard<std::mutex> lock(mutex);
      for (int c = 0; c < channels; ++c) {
        sums[c] += sum[c];
        products[c] += product[c];
      }
    });
    Floats slope(channels), constant(channels);
    for (int c = 0; c < channels; ++c) {
      float of_gamma = (products[c] - mean[c] * sums[c]) * rsqrt[c];
      gamma_gradient->flat<float>()(c) = of_gamma;
      slope[c] = -scale[c] * rsqrt[c] * of_gamma / rows;
      constant[c] = -scale[c] * sums[c] / rows - slope[c] * mean[c];
    }
    in_parallel(context, rows, [&](int64_t begin, int64_t end) {
      Floats a(channels), b(channels), buffer(channels);
      for (int64_t row = begin * channels; row < end * channels; row += channels) {
        combine(read(gradients + row, channels, a), read(values + row, channels, b),
                scale.data(), shift.data(), slope.data(), constant.data(),
                target(out + row, buffer), channels);
        write(out + row, channels, buffer);
      }
    });
  }

 private:
  template <typename Work>
  void in_parallel(OpKernelContext* context, int64_t rows, Work work) {
    auto pool = context->device()->tensorflow_cpu_worker_threads();
    const int64_t block = (rows + pool->num_threads - 1) / pool->num_threads;
    pool->workers->ParallelFor(
        rows, thread::ThreadPool::SchedulingParams::Fixed(block), work);
  }
};

#define REGISTER(T)                                                            \
  REGISTER_KERNEL_BUILDER(                                                     \
      Name("NormalizationReluGradient").Device(DEVICE_CPU).TypeConstraint<T>("T"), \
      NormalizationReluGradient<T>)
REGISTER(float);
REGISTER(bfloat16);

}  // namespace
