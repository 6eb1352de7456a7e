// SPDX-License-Identifier: GPL-2.0-or-later
#include "arrow_export.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace hvlab::python::arrow {

namespace {

// The formats of the columns that there are.
constexpr const char* kStruct = "+s";
constexpr const char* kInteger = "l";
constexpr const char* kNumber = "g";
constexpr const char* kIndex = "i";
constexpr const char* kText = "u";
constexpr const char* kLargeText = "U";

// --- Schema

struct SchemaData {
    std::string name;
    std::string metadata;
    std::vector<Owned<Schema>> children;
    std::vector<Schema*> places;
    Owned<Schema> dictionary;
};

void release_schema(Schema* schema) {
    delete static_cast<SchemaData*>(schema->private_data);
    schema->release = nullptr;
}

Owned<Schema> schema_of(const char* format, std::unique_ptr<SchemaData> data) {
    for (const Owned<Schema>& child : data->children) data->places.push_back(child.get());
    Owned<Schema> schema(new Schema{});
    schema->format = format;
    schema->name = data->name.c_str();
    schema->metadata = data->metadata.empty() ? nullptr : data->metadata.data();
    schema->n_children = static_cast<std::int64_t>(data->places.size());
    schema->children = data->places.data();
    schema->dictionary = data->dictionary.get();
    schema->release = &release_schema;
    schema->private_data = data.release();
    return schema;
}

using Pairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Metadata as the interface has it: counts and lengths as 32-bit numbers of this machine.
std::string metadata(Pairs pairs) {
    std::string bytes;
    const auto put_number = [&](std::size_t number) {
        const auto value = static_cast<std::int32_t>(number);
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    };
    put_number(pairs.size());
    for (const auto& [key, value] : pairs) {
        for (const std::string_view text : {key, value}) {
            put_number(text.size());
            bytes += text;
        }
    }
    return bytes;
}

Owned<Schema> column_schema(const sim::Column& column, Form form) {
    auto data = std::make_unique<SchemaData>();
    data->name = column.name;
    data->metadata = metadata({{"unit", column.unit}, {"meaning", column.meaning}});
    if (form == Form::kText) return schema_of(kText, std::move(data));
    if (form == Form::kLargeText) return schema_of(kLargeText, std::move(data));
    if (std::holds_alternative<sim::Words>(column.values)) {
        data->dictionary = schema_of(kText, std::make_unique<SchemaData>());
        return schema_of(kIndex, std::move(data));
    }
    const bool integers = std::holds_alternative<std::vector<std::int64_t>>(column.values);
    return schema_of(integers ? kInteger : kNumber, std::move(data));
}

// --- Array

struct ArrayData {
    std::shared_ptr<const FrozenTable> table;
    std::vector<const void*> buffers;
    std::vector<Owned<Array>> children;
    std::vector<Array*> places;
    Owned<Array> dictionary;
    // Where strings are not the table's own:
    std::string bytes;
    std::vector<std::int32_t> offsets;
    std::vector<std::int64_t> large_offsets;
};

void release_array(Array* array) {
    delete static_cast<ArrayData*>(array->private_data);
    array->release = nullptr;
}

// Of `length` rows without a null, so without a bitmap of them, its first buffer.
Owned<Array> array_of(std::size_t length, std::initializer_list<const void*> buffers,
                      std::unique_ptr<ArrayData> data) {
    data->buffers.push_back(nullptr);
    data->buffers.insert(data->buffers.end(), buffers);
    for (const Owned<Array>& child : data->children) data->places.push_back(child.get());
    Owned<Array> array(new Array{});
    array->length = static_cast<std::int64_t>(length);
    array->n_buffers = static_cast<std::int64_t>(data->buffers.size());
    array->n_children = static_cast<std::int64_t>(data->places.size());
    array->buffers = data->buffers.data();
    array->children = data->places.data();
    array->dictionary = data->dictionary.get();
    array->release = &release_array;
    array->private_data = data.release();
    return array;
}

std::unique_ptr<ArrayData> data_of(const std::shared_ptr<const FrozenTable>& table) {
    auto data = std::make_unique<ArrayData>();
    data->table = table;
    return data;
}

std::size_t text_bytes(const sim::Words& words) {
    std::size_t sum = 0;
    for (const std::int32_t row : words.rows)
        sum += words.words[static_cast<std::size_t>(row)].size();
    return sum;
}

template <typename Offset>
Owned<Array> text_array(const sim::Words& words, std::unique_ptr<ArrayData> data,
                        std::vector<Offset>& offsets) {
    data->bytes.reserve(text_bytes(words));
    offsets.reserve(words.rows.size() + 1);
    offsets.push_back(0);
    for (const std::int32_t row : words.rows) {
        data->bytes += words.words[static_cast<std::size_t>(row)];
        offsets.push_back(static_cast<Offset>(data->bytes.size()));
    }
    const char* bytes = data->bytes.data();
    return array_of(words.rows.size(), {offsets.data(), bytes}, std::move(data));
}

Owned<Array> dictionary_array(const std::shared_ptr<const FrozenTable>& table,
                              const sim::Words& words, const PackedWords& packed) {
    auto data = data_of(table);
    data->dictionary =
        array_of(words.words.size(), {packed.offsets.data(), packed.bytes.data()}, data_of(table));
    return array_of(words.rows.size(), {words.rows.data()}, std::move(data));
}

Owned<Array> column_array(const std::shared_ptr<const FrozenTable>& table, std::size_t index,
                          Form form) {
    const sim::Column& column = table->table.columns[index];
    auto data = data_of(table);
    if (const auto* words = std::get_if<sim::Words>(&column.values)) {
        ArrayData& held = *data;
        if (form == Form::kText) return text_array(*words, std::move(data), held.offsets);
        if (form == Form::kLargeText) {
            return text_array(*words, std::move(data), held.large_offsets);
        }
        return dictionary_array(table, *words, table->dictionaries[index]);
    }
    if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&column.values)) {
        return array_of(integers->size(), {integers->data()}, std::move(data));
    }
    const auto& numbers = std::get<std::vector<double>>(column.values);
    return array_of(numbers.size(), {numbers.data()}, std::move(data));
}

// --- Stream

struct StreamData {
    std::shared_ptr<const FrozenTable> table;
    Shape shape;
    bool given = false;
    std::string error;
};

// What a callback's consumer gets of an exception: an errno; the text is for get_last_error.
template <typename Work>
int guarded(Stream* stream, Work&& work) {
    auto& data = *static_cast<StreamData*>(stream->private_data);
    try {
        work(data);
        return 0;
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    } catch (const std::exception& error) {
        data.error = error.what();
        return EINVAL;
    }
}

// Moves the structure into the consumer's.
template <typename T>
void move_to(T* out, Owned<T> held) {
    *out = *held;
    held->release = nullptr;
}

int next_schema(Stream* stream, Schema* out) {
    return guarded(stream,
                   [&](StreamData& data) { move_to(out, make_schema(*data.table, data.shape)); });
}

int next_array(Stream* stream, Array* out) {
    return guarded(stream, [&](StreamData& data) {
        if (data.given) {
            *out = {};  // a released array: the end
            return;
        }
        move_to(out, make_array(data.table, data.shape));
        data.given = true;
    });
}

const char* last_error(Stream* stream) {
    const auto& error = static_cast<StreamData*>(stream->private_data)->error;
    return error.empty() ? nullptr : error.c_str();
}

void release_stream(Stream* stream) {
    delete static_cast<StreamData*>(stream->private_data);
    stream->release = nullptr;
}

}  // namespace

Shape usual_shape(const FrozenTable& table) {
    return Shape(table.table.columns.size(), Form::kAsIs);
}

void honour(const Schema& requested, const FrozenTable& table, Shape& shape) {
    const std::vector<sim::Column>& columns = table.table.columns;
    if (std::string_view(requested.format) != kStruct) {
        throw std::invalid_argument("requested_schema is not that of a table");
    }
    if (requested.n_children != static_cast<std::int64_t>(columns.size())) {
        throw std::invalid_argument(fmt::format("requested_schema has {} columns, the table has {}",
                                                requested.n_children, columns.size()));
    }
    const std::span<Schema* const> fields(requested.children, columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const char* name = fields[i]->name == nullptr ? "" : fields[i]->name;
        if (columns[i].name != name) {
            throw std::invalid_argument(
                fmt::format("column {} of requested_schema is '{}', of the table '{}'", i, name,
                            columns[i].name));
        }
        const auto* words = std::get_if<sim::Words>(&columns[i].values);
        if (words == nullptr || fields[i]->dictionary != nullptr) continue;
        const std::string_view format = fields[i]->format;
        if (format == kLargeText) shape[i] = Form::kLargeText;
        if (format == kText && text_bytes(*words) <= std::numeric_limits<std::int32_t>::max()) {
            shape[i] = Form::kText;
        }
    }
}

Owned<Schema> make_schema(const FrozenTable& table, const Shape& shape) {
    auto data = std::make_unique<SchemaData>();
    data->metadata = metadata({{"name", table.table.name}});
    for (std::size_t i = 0; i < shape.size(); ++i) {
        data->children.push_back(column_schema(table.table.columns[i], shape[i]));
    }
    return schema_of(kStruct, std::move(data));
}

Owned<Array> make_array(const std::shared_ptr<const FrozenTable>& table, const Shape& shape) {
    auto data = data_of(table);
    for (std::size_t i = 0; i < shape.size(); ++i) {
        data->children.push_back(column_array(table, i, shape[i]));
    }
    return array_of(table->table.rows(), {}, std::move(data));
}

Owned<Stream> make_stream(std::shared_ptr<const FrozenTable> table, Shape shape) {
    auto data = std::make_unique<StreamData>();
    data->table = std::move(table);
    data->shape = std::move(shape);
    Owned<Stream> stream(new Stream{});
    stream->get_schema = &next_schema;
    stream->get_next = &next_array;
    stream->get_last_error = &last_error;
    stream->release = &release_stream;
    stream->private_data = data.release();
    return stream;
}

}  // namespace hvlab::python::arrow
