/* SPDX-License-Identifier: MIT */
#include "sources/types.h"

#define SIGNED(name, type) { name, sizeof(type), MPG_CLASS_SIGNED }
#define UNSIGNED(name, type) { name, sizeof(type), MPG_CLASS_UNSIGNED }

static const struct mpg_type types[] = {
	{ "void", 0, MPG_CLASS_VOID },
	{ "ptr", sizeof(void *), MPG_CLASS_POINTER },
	{ "str", sizeof(void *), MPG_CLASS_POINTER },
	{ "in", sizeof(void *), MPG_CLASS_POINTER },
	{ "out", sizeof(void *), MPG_CLASS_POINTER },
	{ "inout", sizeof(void *), MPG_CLASS_POINTER },
	{ "char", 1, CHAR_MIN < 0 ? MPG_CLASS_SIGNED : MPG_CLASS_UNSIGNED },
	SIGNED("short", short),
	SIGNED("int", int),
	SIGNED("long", long),
	SIGNED("llong", long long),
	UNSIGNED("uchar", unsigned char),
	UNSIGNED("ushort", unsigned short),
	UNSIGNED("uint", unsigned int),
	UNSIGNED("ulong", unsigned long),
	UNSIGNED("ullong", unsigned long long),
	SIGNED("int8", int8_t),
	SIGNED("int16", int16_t),
	SIGNED("int32", int32_t),
	SIGNED("int64", int64_t),
	UNSIGNED("uint8", uint8_t),
	UNSIGNED("uint16", uint16_t),
	UNSIGNED("uint32", uint32_t),
	UNSIGNED("uint64", uint64_t),
	UNSIGNED("size_t", size_t),
	SIGNED("ssize_t", ssize_t),
	{ "float", sizeof(float), MPG_CLASS_FLOAT },
	{ "double", sizeof(double), MPG_CLASS_FLOAT },
};

const struct mpg_type *mpg_type_find(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == len && memcmp(types[i].name, word, len) == 0)
			return &types[i];
	return NULL;
}

int64_t mpg_type_integer(const struct mpg_type *type, const void *value)
{
	bool is_signed = type->class == MPG_CLASS_SIGNED;

	switch (type->bytes) {
	case 1:
		return is_signed ? *(const int8_t *)value : *(const uint8_t *)value;
	case 2:
		return is_signed ? *(const int16_t *)value : *(const uint16_t *)value;
	case 4:
		return is_signed ? *(const int32_t *)value : (int64_t) * (const uint32_t *)value;
	default:
		return *(const int64_t *)value;
	}
}

#if HAVE_FFI
ffi_type *mpg_type_ffi(const struct mpg_type *type)
{
	bool is_signed = type->class == MPG_CLASS_SIGNED;

	switch (type->class) {
	case MPG_CLASS_VOID:
		return &ffi_type_void;
	case MPG_CLASS_POINTER:
		return &ffi_type_pointer;
	case MPG_CLASS_FLOAT:
		return type->bytes == sizeof(float) ? &ffi_type_float : &ffi_type_double;
	default:
		break;
	}
	switch (type->bytes) {
	case 1:
		return is_signed ? &ffi_type_sint8 : &ffi_type_uint8;
	case 2:
		return is_signed ? &ffi_type_sint16 : &ffi_type_uint16;
	case 4:
		return is_signed ? &ffi_type_sint32 : &ffi_type_uint32;
	default:
		return is_signed ? &ffi_type_sint64 : &ffi_type_uint64;
	}
}
#endif
