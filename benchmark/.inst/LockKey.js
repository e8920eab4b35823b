/**
 * Keys made of arguments: `LockKey.template("invoice-{customer}-{month}")`.
 *
 * @since 0.1.0
 */
const placeholder = /\{([^{}]*)\}/;
const brace = /[{}]/;
const mistake = (template, what) => new RangeError(`Lock key template ${JSON.stringify(template)}: ${what}`);
const parse = (template) => {
    const complain = (what) => {
        throw mistake(template, what);
    };
    const [start, ...rest] = template.split(placeholder);
    const pieces = [];
    for (let i = 0; i < rest.length; i += 2)
        pieces.push({ name: rest[i], after: rest[i + 1] });
    if (pieces.some(({ after }) => brace.test(after)) || brace.test(start))
        complain("unbalanced braces");
    pieces.forEach(({ after, name }, i) => {
        if (name === "")
            complain("a placeholder needs a name, as in {name}");
        if (/^\d/.test(name))
            complain(`a placeholder is named, not numbered: write {name} instead of {${name}}`);
        if (!/^[A-Za-z_$][\w$]*$/.test(name))
            complain(`a placeholder is a plain name, as in {name}, not {${name}}`);
        if (after === "" && i + 1 < pieces.length) {
            complain("put a separator between two placeholders, or different arguments would give one key");
        }
    });
    return { start, pieces };
};
/** What may begin an escape: the first of them that no separator has. */
const marks = ["%", "~", "^", "!", "="];
/** Separators inside a value are written `%…;`, so that different arguments never give the same key. */
const makeEscape = (separators, complain) => {
    if (separators.length === 0)
        return (value) => value;
    const text = separators.join("");
    const mark = marks.find((mark) => !text.includes(mark)) ??
        complain(`one of ${marks.join(" ")} has to be left out of the separators`);
    const special = new Set([mark, ...text]);
    return (value) => {
        let escaped = "";
        for (const char of value)
            escaped += special.has(char) ? `${mark}${char.codePointAt(0).toString(16)};` : char;
        return escaped;
    };
};
/**
 * Makes keys from named arguments. The compiler knows the names: a missing or
 * an unknown one does not compile, neither does `{0}` or a stray brace.
 *
 * **Details**
 *
 * Different arguments give different keys: a separator that occurs inside a
 * value is escaped (`%2d;` for `-`, or with another mark where `%` separates), but only in templates where it separates
 * two placeholders, so that keys stay readable.
 *
 * A template that is not known to the compiler is checked when it is made, and
 * throws a `RangeError` that says what is wrong; so does a key without one of its
 * arguments.
 *
 * **Example** (Naming the parts)
 *
 * ```ts
 * import { LockKey } from "effect-lock"
 *
 * const invoice = LockKey.template("invoice-{customer}-{month}")
 *
 * invoice({ customer: 7, month: "may" }) // => "invoice-7-may"
 * invoice({ customer: "a-b", month: "c" }) === invoice({ customer: "a", month: "b-c" }) // => false
 * ```
 *
 * **Example** (A function whose arguments choose the lock)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock, LockKey } from "effect-lock"
 *
 * const invoiceKey = LockKey.template("invoice-{customer}-{month}")
 *
 * // Effect.fn passes the arguments on to the combinators that follow the body
 * const sendInvoice = Effect.fn("sendInvoice")(
 *   function*(customer: number, month: string) {
 *     return `sent ${month} to ${customer}`
 *   },
 *   (effect, customer, month) => Lock.once(effect, invoiceKey({ customer, month }))
 * )
 *
 * await Effect.runPromise(Effect.provide(sendInvoice(7, "may"), InMemoryBackend.layer)) // => Option.some("sent may to 7")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const template = (template) => {
    const text = template;
    const { pieces, start } = parse(text);
    const escape = makeEscape(pieces.slice(0, -1).map((piece) => piece.after), (what) => {
        throw mistake(text, what);
    });
    const render = (args) => {
        let key = start;
        for (const { after, name } of pieces) {
            const value = Object.hasOwn(args, name) ? args[name] : undefined;
            if (value === undefined || value === null) {
                throw mistake(text, `argument "${name}" is missing`);
            }
            key += escape(String(value)) + after;
        }
        return key;
    };
    return Object.assign((args) => render(args), { template: text });
};
