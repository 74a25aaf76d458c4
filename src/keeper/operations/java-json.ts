/**
 * JSON as ZooKeeper's AdminServer prints it: Jackson, indented, so that what reads the one reads the other. A bigint is
 * a number with all of its digits, and `Decimal` one that shows a point.
 * Source: ZooKeeper JsonOutputter; Jackson DefaultPrettyPrinter.
 */

/** What can be printed. */
export type JavaJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | Decimal
  | readonly JavaJson[]
  | { readonly [key: string]: JavaJson };

/** A double: Java shows at least one digit behind the point. */
export class Decimal {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  toString(): string {
    return Number.isInteger(this.value) ? `${this.value}.0` : String(this.value);
  }
}

/** The text, without a line end. */
export function javaJson(value: JavaJson, indent = ""): string {
  if (value instanceof Decimal || typeof value === "bigint") return value.toString();
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) {
    if (value.length === 0) return "[ ]";
    return `[ ${value.map((item) => javaJson(item, indent)).join(", ")} ]`;
  }
  const inner = `${indent}  `;
  const fields = Object.entries(value).map(
    ([key, field]) => `${inner}${JSON.stringify(key)} : ${javaJson(field, inner)}`,
  );
  return fields.length === 0 ? "{ }" : `{\n${fields.join(",\n")}\n${indent}}`;
}

function isList(value: JavaJson): value is readonly JavaJson[] {
  return Array.isArray(value);
}
