/* SPDX-License-Identifier: MIT */
#include "sources/signature.h"

#define BUFFER_MAX ((size_t)1 << 30)

/* In the order of enum mpg_memory. */
static const char *const memories[] = { NULL, "str", "in", "out", "inout" };

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct word {
	const char *at;
	int len;
};

struct parser {
	const char *text, *at;
	struct mpg_signature *signature;
	struct mpg_signature_error *error;
	struct word names[MPG_PARAMETERS];
	struct word factors[MPG_PARAMETERS][MPG_FACTORS];
};

__attribute__((format(printf, 3, 4))) static bool fail(struct parser *p, const char *at,
						       const char *format, ...)
{
	va_list arguments;

	p->error->column = (unsigned)(at - p->text) + 1;
	va_start(arguments, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, arguments);
	va_end(arguments);
	return false;
}

static void skip_blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool accepts(struct parser *p, char c)
{
	skip_blanks(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

static bool expect(struct parser *p, char c, const char *why)
{
	return accepts(p, c) || fail(p, p->at, "'%c' is expected%s", c, why);
}

/* An empty one where none stands. */
static struct word next_word(struct parser *p)
{
	struct word word;

	skip_blanks(p);
	word.at = p->at;
	while (is_letter(*p->at) || (p->at > word.at && is_digit(*p->at)))
		p->at++;
	word.len = (int)(p->at - word.at);
	return word;
}

static bool is_same(struct word word, const char *text)
{
	return strlen(text) == (size_t)word.len && memcmp(word.at, text, (size_t)word.len) == 0;
}

static enum mpg_memory find_memory(const struct mpg_type *type)
{
	for (enum mpg_memory i = MPG_MEMORY_STRING; i < N(memories); i++)
		if (strcmp(type->name, memories[i]) == 0)
			return i;
	return MPG_MEMORY_AS_IS;
}

static bool parse_type(struct parser *p, struct word word, const struct mpg_type **type)
{
	if (!word.len)
		return fail(p, word.at, "a type is expected");
	*type = mpg_type_find(word.at, (size_t)word.len);
	if (!*type)
		return fail(p, word.at, "'%.*s' is no type", word.len < 40 ? word.len : 40,
			    word.at);
	skip_blanks(p);
	if (*p->at == '*')
		return fail(p, p->at,
			    "no '*' here: a pointer is 'ptr', a string to be copied 'str'");
	return true;
}

/* A decimal number up to `max`. */
static bool parse_number(struct parser *p, size_t max, size_t *number)
{
	const char *begin = p->at;

	for (*number = 0; is_digit(*p->at); p->at++) {
		*number = *number * 10 + (size_t)(*p->at - '0');
		if (*number > max)
			return fail(p, begin, "the number is larger than %zu", max);
	}
	if (is_letter(*p->at))
		return fail(p, begin, "a decimal number or a name is expected");
	return true;
}

static bool parse_factor(struct parser *p, unsigned i, unsigned *named)
{
	struct mpg_parameter *parameter = &p->signature->parameters[i];
	const char *begin;
	size_t number;

	skip_blanks(p);
	begin = p->at;
	if (is_digit(*p->at)) {
		if (!parse_number(p, BUFFER_MAX, &number))
			return false;
		if (!number || parameter->bytes > BUFFER_MAX / number)
			return fail(p, begin, "a buffer has 1 to %zu bytes", BUFFER_MAX);
		parameter->bytes *= number;
		return true;
	}
	if (*named == MPG_FACTORS)
		return fail(p, begin, "a size is a product of %d parameters at the most",
			    MPG_FACTORS);
	p->factors[i][*named] = next_word(p);
	return p->factors[i][(*named)++].len
		|| fail(p, begin, "a number or the name of a parameter is expected");
}

/* "[16]", "[n]", "[size * n]" */
static bool parse_size(struct parser *p, unsigned i)
{
	unsigned named = 0;

	if (!expect(p, '[', ": how many bytes are to be copied?"))
		return false;
	p->signature->parameters[i].bytes = 1;
	do {
		if (!parse_factor(p, i, &named))
			return false;
	} while (accepts(p, '*'));
	return expect(p, ']', "");
}

static bool name_is_new(struct parser *p, unsigned i)
{
	for (unsigned other = 0; other < i; other++)
		if (p->names[i].len && p->names[i].len == p->names[other].len
		    && memcmp(p->names[i].at, p->names[other].at, (size_t)p->names[i].len) == 0)
			return fail(p, p->names[i].at, "two parameters have this name");
	return true;
}

static bool parse_parameter(struct parser *p, unsigned i)
{
	struct mpg_parameter *parameter = &p->signature->parameters[i];
	struct word word = next_word(p);

	if (*word.at == '.')
		return fail(p, word.at, "a function that takes '...' cannot be described");
	if (!parse_type(p, word, &parameter->type))
		return false;
	if (parameter->type->class == MPG_CLASS_VOID)
		return fail(p, word.at, "a parameter is not 'void'");
	parameter->memory = find_memory(parameter->type);
	if (parameter->memory >= MPG_MEMORY_IN && !parse_size(p, i))
		return false;
	p->names[i] = next_word(p);
	return name_is_new(p, i);
}

static bool takes_nothing(struct parser *p)
{
	const char *begin;

	skip_blanks(p);
	begin = p->at;
	if (is_same(next_word(p), "void") && accepts(p, ')'))
		return true;
	p->at = begin;
	return accepts(p, ')');
}

static bool parse_parameters(struct parser *p)
{
	struct mpg_signature *s = p->signature;

	if (!expect(p, '(', ""))
		return false;
	if (takes_nothing(p))
		return true;
	do {
		if (s->n == MPG_PARAMETERS)
			return fail(p, p->at, "more than %d parameters", MPG_PARAMETERS);
		if (!parse_parameter(p, s->n))
			return false;
		s->n++;
	} while (accepts(p, ','));
	return accepts(p, ')') || fail(p, p->at, "',' or ')' is expected");
}

static bool resolve_factor(struct parser *p, struct word word, int *factor)
{
	for (unsigned i = 0; word.len && i < p->signature->n; i++) {
		const struct mpg_type *type = p->signature->parameters[i].type;

		if (p->names[i].len != word.len
		    || memcmp(p->names[i].at, word.at, (size_t)word.len) != 0)
			continue;
		if (!mpg_type_is_integer(type))
			return fail(p, word.at, "this parameter is no integer");
		*factor = (int)i;
		return true;
	}
	*factor = -1;
	return !word.len || fail(p, word.at, "no parameter has this name");
}

static bool resolve_sizes(struct parser *p)
{
	for (unsigned i = 0; i < p->signature->n; i++)
		for (unsigned f = 0; f < MPG_FACTORS; f++)
			if (!resolve_factor(p, p->factors[i][f],
					    &p->signature->parameters[i].factors[f]))
				return false;
	return true;
}

/* "else 9", "else -1" */
static bool parse_failure(struct parser *p)
{
	struct word word = next_word(p);
	size_t number;
	bool negative;

	p->signature->failure = -1;
	if (!word.len)
		return true;
	if (!is_same(word, "else"))
		return fail(p, word.at, "'else' or the end is expected");
	if (!mpg_type_is_integer(p->signature->result))
		return fail(p, word.at, "'else' is for functions that return an integer");
	negative = accepts(p, '-');
	skip_blanks(p);
	if (!is_digit(*p->at))
		return fail(p, p->at, "a number is expected");
	if (!parse_number(p, INT_MAX, &number))
		return false;
	p->signature->failure = negative ? -(long long)number : (long long)number;
	return true;
}

static bool parse_name(struct parser *p)
{
	struct word name = next_word(p);

	if (!name.len)
		return fail(p, name.at, "the name of the function is expected");
	if ((size_t)name.len >= sizeof(p->signature->name))
		return fail(p, name.at, "the name is too long");
	memcpy(p->signature->name, name.at, (size_t)name.len);
	return true;
}

/* False: this is none of the words that stand before the type of the result. */
static bool take_manner(struct parser *p, struct word word, bool *said)
{
	bool serial = is_same(word, "serial");

	if (serial || is_same(word, "parallel")) {
		p->signature->serial = serial;
		*said = true;
		return true;
	}
	if (!is_same(word, "unbounded"))
		return false;
	p->signature->unbounded = true;
	return true;
}

/* A pointer that a function returns leads, most often, to memory that its next call uses again. */
static bool parse_head(struct parser *p)
{
	struct mpg_signature *s = p->signature;
	bool said = false;
	struct word word;

	do
		word = next_word(p);
	while (take_manner(p, word, &said));
	if (!parse_type(p, word, &s->result))
		return false;
	if (find_memory(s->result) != MPG_MEMORY_AS_IS)
		return fail(p, word.at, "a function returns no '%s': write 'ptr'", s->result->name);
	if (!said)
		s->serial = s->result->class == MPG_CLASS_POINTER;
	return parse_name(p);
}

static bool parse(struct parser *p)
{
	if (!parse_head(p) || !parse_parameters(p) || !resolve_sizes(p) || !parse_failure(p))
		return false;
	skip_blanks(p);
	return !*p->at || fail(p, p->at, "the end is expected");
}

#if HAVE_FFI
static bool prepare(struct mpg_signature *s)
{
	for (unsigned i = 0; i < s->n; i++)
		s->types[i] = mpg_type_ffi(s->parameters[i].type);
	return ffi_prep_cif(&s->cif, FFI_DEFAULT_ABI, s->n, mpg_type_ffi(s->result), s->types)
		== FFI_OK;
}
#else
static bool prepare(struct mpg_signature *s)
{
	(void)s;
	return true;
}
#endif

struct mpg_signature *mpg_signature_new(const char *text, struct mpg_signature_error *error)
{
	struct parser p = { .text = text, .at = text, .error = error };

	*error = (struct mpg_signature_error){ .message = "no memory" };
	p.signature = calloc(1, sizeof(*p.signature));
	if (!p.signature)
		return NULL;
	atomic_init(&p.signature->references, 1);
	if (parse(&p)) {
		if (prepare(p.signature))
			return p.signature;
		fail(&p, text, "libffi cannot call such a function");
	}
	free(p.signature);
	return NULL;
}

struct mpg_signature *mpg_signature_get(const struct mpg_signature *signature)
{
	struct mpg_signature *shared = (struct mpg_signature *)signature;

	atomic_fetch_add(&shared->references, 1);
	return shared;
}

void mpg_signature_put(const struct mpg_signature *signature)
{
	struct mpg_signature *shared = (struct mpg_signature *)signature;

	if (atomic_fetch_sub(&shared->references, 1) == 1)
		free(shared);
}

bool mpg_signature_size(const struct mpg_signature *signature, unsigned parameter,
			void *const values[], size_t *size)
{
	const struct mpg_parameter *p = &signature->parameters[parameter];
	size_t total = p->bytes;

	for (unsigned f = 0; f < MPG_FACTORS; f++) {
		int64_t factor;

		if (p->factors[f] < 0)
			continue;
		factor = mpg_type_integer(signature->parameters[p->factors[f]].type,
					  values[p->factors[f]]);
		if (factor < 0 || __builtin_mul_overflow(total, factor, &total)
		    || total > BUFFER_MAX)
			return false;
	}
	*size = total;
	return true;
}
