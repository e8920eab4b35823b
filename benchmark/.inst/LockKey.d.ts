/**
 * Keys made of arguments: `LockKey.template("invoice-{customer}-{month}")`.
 *
 * @since 0.1.0
 */
/**
 * What can stand in a key. It is written as `String(value)` writes it.
 *
 * @category models
 * @since 0.1.0
 */
export type Part = string | number | bigint | boolean;
type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9";
type NameOf<Text extends string> = Text extends "" ? {
    readonly error: "a placeholder needs a name, as in {name}";
} : Text extends `${Digit}${string}` ? {
    readonly error: "a placeholder is named, not numbered: write {name} instead of";
    readonly placeholder: Text;
} : Text extends `${string}${"{" | " " | "!" | ":" | "." | "["}${string}` ? {
    readonly error: "a placeholder is a plain name, as in {name}, but there is";
    readonly placeholder: Text;
} : Text;
/** The names in a template, or an object that says what is wrong with it. */
type Names<Template extends string, Found = never> = Template extends `${infer Before}{${infer Inside}}${infer After}` ? Before extends `${string}}${string}` ? {
    readonly error: "a } without {";
} : After extends `{${string}` ? {
    readonly error: "put a separator between two placeholders, or different arguments would give one key";
} : NameOf<Inside> extends infer Name ? Name extends string ? Names<After, Found | Name> : Name : never : Template extends `${string}${"{" | "}"}${string}` ? {
    readonly error: "a { without }";
} : Found;
/**
 * The arguments of a template: one for each of its placeholders.
 *
 * @category models
 * @since 0.1.0
 */
export type Arguments<Template extends string> = string extends Template ? Readonly<Record<string, Part>> : Names<Template> extends infer Name ? [Name] extends [string] ? {
    readonly [K in Name]: Part;
} : never : never;
/**
 * A function from the arguments of a template to a key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Template<T extends string> {
    (args: Arguments<T>): string;
    /** The template as it was given. */
    readonly template: T;
}
type Valid<T extends string> = string extends T ? T : Names<T> extends infer Name ? [Name] extends [string] ? T : Name : never;
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
export declare const template: <const T extends string>(template: T & Valid<T>) => Template<T>;
export {};
