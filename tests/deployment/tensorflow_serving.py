"""What TensorFlow Serving's sources say, for the tests of the files that it reads.

The flags are those of tensorflow_serving/model_servers/main.cc, the metrics those that
servables/tensorflow/util.cc, batching/batching_session.cc and TensorFlow's
cc/saved_model/loader.cc define, the messages those of
servables/tensorflow/session_bundle_config.proto and config/monitoring_config.proto,
which the package tensorflow-serving-api lacks.
"""

from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import wrappers_pb2

FLAGS = frozenset(
    """
    port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms
    rest_api_enable_cors_support enable_batching batching_parameters_file
    allow_version_labels_for_unavailable_models enable_per_model_batching_parameters
    model_config_file model_config_file_poll_wait_seconds model_name model_base_path
    num_load_threads num_unload_threads max_num_load_retries load_retry_interval_micros
    file_system_poll_wait_seconds flush_filesystem_caches
    tensorflow_session_parallelism tensorflow_session_config_file
    tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism use_alts_credentials
    ssl_config_file platform_config_file per_process_gpu_memory_fraction
    saved_model_tags grpc_channel_arguments grpc_max_threads enable_model_warmup
    num_request_iterations_for_warmup version monitoring_config_file
    remove_unused_fields_from_bundle_metagraph prefer_tflite_model num_tflite_pools
    num_tflite_interpreters_per_pool enable_signature_method_name_check
    xla_cpu_compilation_enabled enable_profiler thread_pool_factory_config_file
    """.split()
)

# Labels of each; a histogram has _bucket (with `le`), _sum and _count besides.
COUNTERS = {
    ":tensorflow:serving:request_count": {"model_name", "status"},
    ":tensorflow:serving:batching_session:wrapped_run_count": set(),
    ":tensorflow:cc:saved_model:load_attempt_count": {"model_path", "status"},
}
HISTOGRAMS = {
    ":tensorflow:serving:request_latency": {"model_name", "API", "entrypoint"},
    ":tensorflow:serving:runtime_latency": {"model_name", "API", "runtime"},
    ":tensorflow:serving:batching_session:queuing_latency": {"thread_pool_name"},
}

_FIELD = descriptor_pb2.FieldDescriptorProto
_INT64_VALUE = ".google.protobuf.Int64Value"
_STRING_VALUE = ".google.protobuf.StringValue"
_MESSAGES = {
    "BatchingParameters": [
        ("max_batch_size", _INT64_VALUE),
        ("batch_timeout_micros", _INT64_VALUE),
        ("max_enqueued_batches", _INT64_VALUE),
        ("num_batch_threads", _INT64_VALUE),
        ("thread_pool_name", _STRING_VALUE),
        ("allowed_batch_sizes", _FIELD.TYPE_INT64),
        ("pad_variable_length_inputs", _FIELD.TYPE_BOOL),
    ],
    "PrometheusConfig": [("enable", _FIELD.TYPE_BOOL), ("path", _FIELD.TYPE_STRING)],
    "MonitoringConfig": [("prometheus_config", ".tensorflow.serving.PrometheusConfig")],
}


def message_class(name):
    """The class of a message of TensorFlow Serving's that no package brings."""
    file = descriptor_pb2.FileDescriptorProto(
        name="files.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for number, (field, kind) in enumerate(fields, 1):
            repeated = field == "allowed_batch_sizes"
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            typed = {"type_name": kind} if isinstance(kind, str) else {"type": kind}
            described.field.add(name=field, number=number, label=label, **typed)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    found = pool.FindMessageTypeByName(f"tensorflow.serving.{name}")
    return message_factory.GetMessageClass(found)
