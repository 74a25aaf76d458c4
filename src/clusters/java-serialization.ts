/**
 * Reads objects that Java has serialized: their classes, and the values of their fields. Nothing is made of them, no
 * class is looked up, nothing runs. Source: the Java Object Serialization Specification, chapter 6.
 */

/** A value as it was written. Objects of classes with a writing of their own may have more than their fields. */
export type JavaValue = null | boolean | number | bigint | string | JavaObject | readonly JavaValue[];

/** An object: the fields of its class and of those above it, by name. */
export interface JavaObject {
  readonly className: string;
  readonly fields: ReadonlyMap<string, JavaValue>;
}

const MAGIC = 0xac_ed_00_05;

const TC = {
  null: 0x70,
  reference: 0x71,
  classDescription: 0x72,
  object: 0x73,
  string: 0x74,
  array: 0x75,
  class: 0x76,
  blockData: 0x77,
  endBlockData: 0x78,
  blockDataLong: 0x7a,
  longString: 0x7c,
  proxyClassDescription: 0x7d,
  enum: 0x7e,
} as const;

const SC_WRITE_METHOD = 1;
const SC_EXTERNALIZABLE = 4;
const SC_BLOCK_DATA = 8;

const HANDLE_FIRST = 0x7e_00_00;

/** As deep as objects may hold each other. */
const DEPTH_MAX = 200;

interface ClassDescription {
  readonly name: string;
  readonly flags: number;
  readonly fields: readonly { readonly type: string; readonly name: string }[];
  above: ClassDescription | undefined;
}

type Content = JavaValue | ClassDescription | typeof END;

const END = Symbol("end of block data");

/** The first object of a stream; undefined where the bytes are no such stream, or are cut. */
export function readJavaObject(bytes: Uint8Array): JavaObject | undefined {
  try {
    const value = new JavaReader(bytes).value();
    return isObject(value) ? value : undefined;
  } catch (error) {
    // It ends before it should: it is no such object.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Whether it is an object, and no text, number or list. */
export function isObject(value: JavaValue | undefined): value is JavaObject {
  return typeof value === "object" && value !== null && "className" in value;
}

class JavaReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #handles: Content[] = [];
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#uint32() !== MAGIC) throw new RangeError("no stream of serialized objects");
  }

  /** Throws RangeError where the stream makes no sense. */
  value(): JavaValue {
    const content = this.#content();
    if (content === END || isClass(content)) throw new RangeError("a value is expected");
    return content;
  }

  #content(): Content {
    if (++this.#depth > DEPTH_MAX) throw new RangeError("too deep");
    try {
      return this.#tagged(this.#uint8());
    } finally {
      this.#depth--;
    }
  }

  #tagged(tag: number): Content {
    switch (tag) {
      case TC.null:
        return null;
      case TC.reference:
        return this.#reference();
      case TC.string:
        return this.#keep(this.#text(this.#uint16()));
      case TC.longString:
        return this.#keep(this.#text(Number(this.#int64())));
      case TC.classDescription:
        return this.#classDescription();
      case TC.proxyClassDescription:
        return this.#proxyClassDescription();
      case TC.class:
        return this.#keep(this.#described()?.name ?? null);
      case TC.object:
        return this.#object();
      case TC.array:
        return this.#array();
      case TC.enum:
        return this.#enum();
      case TC.blockData:
        return this.#block(this.#uint8());
      case TC.blockDataLong:
        return this.#block(this.#uint32());
      case TC.endBlockData:
        return END;
      default:
        throw new RangeError(`no tag: ${tag}`);
    }
  }

  #reference(): Content {
    const content = this.#handles[this.#uint32() - HANDLE_FIRST];
    if (content === undefined) throw new RangeError("a reference to nothing");
    return content;
  }

  #classDescription(): ClassDescription {
    const name = this.#text(this.#uint16());
    this.#take(8);
    const handle = this.#reserve();
    const flags = this.#uint8();
    const fields = Array.from({ length: this.#uint16() }, () => {
      const type = String.fromCharCode(this.#uint8());
      const field = this.#text(this.#uint16());
      // The name of its class is written behind it.
      if (type === "L" || type === "[") this.#content();
      return { type, name: field };
    });
    const description: ClassDescription = { name, flags, fields, above: undefined };
    this.#handles[handle] = description;
    this.#annotations();
    description.above = this.#described();
    return description;
  }

  #proxyClassDescription(): ClassDescription {
    const handle = this.#reserve();
    const names = Array.from({ length: this.#uint32() }, () => this.#text(this.#uint16()));
    const description: ClassDescription = { name: names.join(","), flags: 2, fields: [], above: undefined };
    this.#handles[handle] = description;
    this.#annotations();
    description.above = this.#described();
    return description;
  }

  #described(): ClassDescription | undefined {
    const content = this.#content();
    if (content === null) return undefined;
    if (!isClass(content)) throw new RangeError("the description of a class is expected");
    return content;
  }

  #object(): JavaObject {
    const description = this.#described();
    const fields = new Map<string, JavaValue>();
    const object = { className: description?.name ?? "", fields };
    this.#keep(object);
    const line: ClassDescription[] = [];
    for (let one = description; one !== undefined; one = one.above) line.unshift(one);
    for (const { flags, fields: known } of line) {
      if ((flags & SC_EXTERNALIZABLE) !== 0) {
        if ((flags & SC_BLOCK_DATA) === 0) throw new RangeError("an object that is written by itself");
      } else {
        for (const { type, name } of known) fields.set(name, this.#field(type));
      }
      if ((flags & (SC_WRITE_METHOD | SC_EXTERNALIZABLE)) !== 0) this.#annotations();
    }
    return object;
  }

  #array(): readonly JavaValue[] {
    const type = (this.#described()?.name ?? "").slice(1, 2);
    const items: JavaValue[] = [];
    this.#keep(items);
    const count = this.#uint32();
    if (count > this.#bytes.length) throw new RangeError("an array that is longer than the stream");
    for (let index = 0; index < count; index++) items.push(this.#field(type));
    return items;
  }

  #enum(): string {
    this.#described();
    const handle = this.#reserve();
    const name = this.value();
    if (typeof name !== "string") throw new RangeError("the name of a constant is expected");
    this.#handles[handle] = name;
    return name;
  }

  #field(type: string): JavaValue {
    switch (type) {
      case "B":
        return this.#take(1).getInt8(0);
      case "C":
        return String.fromCharCode(this.#uint16());
      case "D":
        return this.#take(8).getFloat64(0);
      case "F":
        return this.#take(4).getFloat32(0);
      case "I":
        return this.#take(4).getInt32(0);
      case "J":
        return this.#int64();
      case "S":
        return this.#take(2).getInt16(0);
      case "Z":
        return this.#uint8() !== 0;
      case "L":
      case "[":
        return this.value();
      default:
        throw new RangeError(`no type: ${type}`);
    }
  }

  /** What a class has written by itself; nobody but the class knows what it means. */
  #annotations(): void {
    while (this.#content() !== END);
  }

  #block(count: number): null {
    this.#take(count);
    return null;
  }

  #keep<T extends Content>(content: T): T {
    this.#handles.push(content);
    return content;
  }

  #reserve(): number {
    return this.#handles.push(null) - 1;
  }

  /** Modified UTF-8 differs from UTF-8 in the null character and beyond 16 bits: names have neither. */
  #text(count: number): string {
    const view = this.#take(count);
    return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  }

  #uint8(): number {
    return this.#take(1).getUint8(0);
  }

  #uint16(): number {
    return this.#take(2).getUint16(0);
  }

  #uint32(): number {
    return this.#take(4).getUint32(0);
  }

  #int64(): bigint {
    return this.#take(8).getBigInt64(0);
  }

  #take(count: number): DataView {
    if (count > this.#bytes.length - this.#at) throw new RangeError("the stream is cut");
    this.#at += count;
    return new DataView(this.#view.buffer, this.#view.byteOffset + this.#at - count, count);
  }
}

function isClass(content: Content): content is ClassDescription {
  return typeof content === "object" && content !== null && "flags" in content;
}
