/* SPDX-License-Identifier: MIT */
/* src/sources/signature.c: the language of docs/offload.md, and what is said about mistakes. */
#include "sources/signature.h"
#include "support.h"

static struct mpg_signature_error error;

static struct mpg_signature *parsed(const char *text)
{
	struct mpg_signature *s = mpg_signature_new(text, &error);

	ck_assert_msg(s, "%s: column %u: %s", text, error.column, error.message);
	return s;
}

START_TEST(a_signature_reads_like_a_prototype)
{
	struct mpg_signature *s = parsed("  ptr\tcrypt ( str , str salt )  ");

	ck_assert_str_eq(s->name, "crypt");
	ck_assert_int_eq(s->result->class, MPG_CLASS_POINTER);
	ck_assert_uint_eq(s->n, 2);
	ck_assert_int_eq(s->parameters[0].memory, MPG_MEMORY_STRING);
	ck_assert_int_eq(s->parameters[1].memory, MPG_MEMORY_STRING);
	mpg_signature_put(s);
}
END_TEST

static const struct {
	const char *word;
	unsigned bytes;
	enum mpg_class class;
} words[] = {
	{ "char", 1, CHAR_MIN < 0 ? MPG_CLASS_SIGNED : MPG_CLASS_UNSIGNED },
	{ "short", sizeof(short), MPG_CLASS_SIGNED },
	{ "int", sizeof(int), MPG_CLASS_SIGNED },
	{ "long", sizeof(long), MPG_CLASS_SIGNED },
	{ "llong", sizeof(long long), MPG_CLASS_SIGNED },
	{ "uchar", 1, MPG_CLASS_UNSIGNED },
	{ "ushort", sizeof(short), MPG_CLASS_UNSIGNED },
	{ "uint", sizeof(int), MPG_CLASS_UNSIGNED },
	{ "ulong", sizeof(long), MPG_CLASS_UNSIGNED },
	{ "ullong", sizeof(long long), MPG_CLASS_UNSIGNED },
	{ "int8", 1, MPG_CLASS_SIGNED },
	{ "int16", 2, MPG_CLASS_SIGNED },
	{ "int32", 4, MPG_CLASS_SIGNED },
	{ "int64", 8, MPG_CLASS_SIGNED },
	{ "uint8", 1, MPG_CLASS_UNSIGNED },
	{ "uint16", 2, MPG_CLASS_UNSIGNED },
	{ "uint32", 4, MPG_CLASS_UNSIGNED },
	{ "uint64", 8, MPG_CLASS_UNSIGNED },
	{ "size_t", sizeof(size_t), MPG_CLASS_UNSIGNED },
	{ "ssize_t", sizeof(ssize_t), MPG_CLASS_SIGNED },
	{ "float", sizeof(float), MPG_CLASS_FLOAT },
	{ "double", sizeof(double), MPG_CLASS_FLOAT },
	{ "ptr", sizeof(void *), MPG_CLASS_POINTER },
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

START_TEST(every_type_is_a_parameter_and_a_result)
{
	char text[64];
	struct mpg_signature *s;

	snprintf(text, sizeof(text), "%s f(%s)", words[_i].word, words[_i].word);
	s = parsed(text);
	ck_assert_ptr_eq(s->result, s->parameters[0].type);
	ck_assert_uint_eq(s->result->bytes, words[_i].bytes);
	ck_assert_int_eq(s->result->class, words[_i].class);
	ck_assert_int_eq(s->parameters[0].memory, MPG_MEMORY_AS_IS);
#if HAVE_FFI
	ck_assert_uint_eq(s->types[0]->size, words[_i].bytes);
	ck_assert_uint_eq(s->cif.nargs, 1);
#endif
	mpg_signature_put(s);
}
END_TEST

START_TEST(no_parameters_are_written_as_in_c_or_not_at_all)
{
	struct mpg_signature *s = parsed(_i ? "void f(void)" : "void f()");

	ck_assert_uint_eq(s->n, 0);
	ck_assert_int_eq(s->result->class, MPG_CLASS_VOID);
	mpg_signature_put(s);
}
END_TEST

START_TEST(a_buffer_has_the_size_of_a_product)
{
	struct mpg_signature *s =
		parsed("size_t f(out[2 * size * n] to, uint size, int16 n, inout[16], in[n] from)");
	uint32_t width = 3;
	int16_t count = 5;
	void *values[] = { NULL, &width, &count, NULL, NULL };
	size_t size;

	ck_assert_int_eq(s->parameters[0].memory, MPG_MEMORY_OUT);
	ck_assert_int_eq(s->parameters[3].memory, MPG_MEMORY_INOUT);
	ck_assert_int_eq(s->parameters[4].memory, MPG_MEMORY_IN);
	ck_assert(mpg_signature_size(s, 0, values, &size) && size == 30);
	ck_assert(mpg_signature_size(s, 3, values, &size) && size == 16);
	ck_assert(mpg_signature_size(s, 4, values, &size) && size == 5);
	count = 0;
	ck_assert(mpg_signature_size(s, 4, values, &size) && size == 0);
	mpg_signature_put(s);
}
END_TEST

START_TEST(a_size_that_is_negative_or_beyond_reason_is_none)
{
	struct mpg_signature *s = parsed("void f(in[a * b], long a, ulong b)");
	long a = -1;
	unsigned long b = 1;
	void *values[] = { NULL, &a, &b };
	size_t size;

	ck_assert(!mpg_signature_size(s, 0, values, &size));
	a = 1;
	b = (size_t)1 << 31;
	ck_assert(!mpg_signature_size(s, 0, values, &size));
	a = LONG_MAX;
	b = ULONG_MAX;
	ck_assert(!mpg_signature_size(s, 0, values, &size));
	mpg_signature_put(s);
}
END_TEST

static const struct {
	const char *text;
	bool serial;
} orders[] = {
	{ "ptr f()", true },	    { "parallel ptr f()", false }, { "int f()", false },
	{ "serial int f()", true }, { "serial ptr f()", true },	   { "void f(ptr)", false },
};
enum { ORDERS = sizeof(orders) / sizeof(orders[0]) };

START_TEST(what_returns_a_pointer_runs_once_at_a_time_unless_said_otherwise)
{
	struct mpg_signature *s = parsed(orders[_i].text);

	ck_assert_int_eq(s->serial, orders[_i].serial);
	mpg_signature_put(s);
}
END_TEST

static const struct {
	const char *text;
	long long failure;
} failures[] = {
	{ "int f()", -1 },
	{ "int f() else 9", 9 },
	{ "ulong f() else 0", 0 },
	{ "int f()else - 7 ", -7 },
};
enum { FAILURES = sizeof(failures) / sizeof(failures[0]) };

START_TEST(a_function_that_waits_for_others_says_so)
{
	struct mpg_signature *s = parsed(_i ? "unbounded serial int f()" : "int f()");

	ck_assert(s->unbounded == _i && s->serial == _i);
	mpg_signature_put(s);
}
END_TEST

START_TEST(the_result_of_a_failed_wait_can_be_named)
{
	struct mpg_signature *s = parsed(failures[_i].text);

	ck_assert_int_eq(s->failure, failures[_i].failure);
	mpg_signature_put(s);
}
END_TEST

START_TEST(who_shares_a_signature_keeps_it)
{
	struct mpg_signature *s = parsed("int f(int)");
	struct mpg_signature *shared = mpg_signature_get(s);

	mpg_signature_put(s);
	ck_assert_str_eq(shared->name, "f");
	mpg_signature_put(shared);
}
END_TEST

#define FOUR "int,int,int,int,"
#define THIRTY_TWO FOUR FOUR FOUR FOUR FOUR FOUR FOUR FOUR
#define SIXTY_FOUR_LETTERS "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static const struct {
	const char *text;
	unsigned column;
	const char *message;
} mistakes[] = {
	{ "", 1, "a type is expected" },
	{ "  (", 3, "a type is expected" },
	{ "integer f()", 1, "'integer' is no type" },
	{ "const ptr f()", 1, "'const' is no type" },
	{ "serial", 7, "a type is expected" },
	{ "str f()", 1, "a function returns no 'str': write 'ptr'" },
	{ "out f()", 1, "a function returns no 'out': write 'ptr'" },
	{ "char *f()", 6, "no '*' here: a pointer is 'ptr', a string to be copied 'str'" },
	{ "int", 4, "the name of the function is expected" },
	{ "int (int)", 5, "the name of the function is expected" },
	{ "int " SIXTY_FOUR_LETTERS "()", 5, "the name is too long" },
	{ "int f", 6, "'(' is expected" },
	{ "int f(", 7, "a type is expected" },
	{ "int f(int", 10, "',' or ')' is expected" },
	{ "int f(int,)", 11, "a type is expected" },
	{ "int f(int, strr)", 12, "'strr' is no type" },
	{ "int f(int int int)", 15, "',' or ')' is expected" },
	{ "int f(void, int)", 7, "a parameter is not 'void'" },
	{ "int f(int *)", 11, "no '*' here: a pointer is 'ptr', a string to be copied 'str'" },
	{ "int printf(str, ...)", 17, "a function that takes '...' cannot be described" },
	{ "int f(out)", 10, "'[' is expected: how many bytes are to be copied?" },
	{ "int f(out[)", 11, "a number or the name of a parameter is expected" },
	{ "int f(out[])", 11, "a number or the name of a parameter is expected" },
	{ "int f(out[1)", 12, "']' is expected" },
	{ "int f(out[0])", 11, "a buffer has 1 to 1073741824 bytes" },
	{ "int f(out[1024 * 2000000])", 18, "a buffer has 1 to 1073741824 bytes" },
	{ "int f(out[9999999999])", 11, "the number is larger than 1073741824" },
	{ "int f(out[0x10])", 11, "a decimal number or a name is expected" },
	{ "int f(out[n], int m)", 11, "no parameter has this name" },
	{ "int f(out[n], double n)", 11, "this parameter is no integer" },
	{ "int f(out[a*a*a], int a)", 15, "a size is a product of 2 parameters at the most" },
	{ "int f(int a, int a)", 18, "two parameters have this name" },
	{ "int f(" THIRTY_TWO "int)", 135, "more than 32 parameters" },
	{ "int f() otherwise 1", 9, "'else' or the end is expected" },
	{ "ptr f() else 0", 9, "'else' is for functions that return an integer" },
	{ "int f() else", 13, "a number is expected" },
	{ "int f() else x", 14, "a number is expected" },
	{ "int f() else 99999999999", 14, "the number is larger than 2147483647" },
	{ "int f() else 1 2", 16, "the end is expected" },
	{ "int f();", 8, "the end is expected" },
};
enum { MISTAKES = sizeof(mistakes) / sizeof(mistakes[0]) };

START_TEST(a_mistake_is_named_with_its_column)
{
	ck_assert_ptr_null(mpg_signature_new(mistakes[_i].text, &error));
	ck_assert_str_eq(error.message, mistakes[_i].message);
	ck_assert_uint_eq(error.column, mistakes[_i].column);
}
END_TEST

SUITE_OF(signature, { a_signature_reads_like_a_prototype, 0 },
	 { every_type_is_a_parameter_and_a_result, WORDS },
	 { no_parameters_are_written_as_in_c_or_not_at_all, 2 },
	 { a_buffer_has_the_size_of_a_product, 0 },
	 { a_size_that_is_negative_or_beyond_reason_is_none, 0 },
	 { what_returns_a_pointer_runs_once_at_a_time_unless_said_otherwise, ORDERS },
	 { a_function_that_waits_for_others_says_so, 2 },
	 { the_result_of_a_failed_wait_can_be_named, FAILURES },
	 { who_shares_a_signature_keeps_it, 0 }, { a_mistake_is_named_with_its_column, MISTAKES })
