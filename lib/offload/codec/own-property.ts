const OWN: PropertyDescriptor = { configurable: true, enumerable: true, writable: true };

/** Gives an object a property. An assignment to `__proto__` would change its prototype instead. */
export function setOwn(record: object, name: string, value: unknown): void {
  Object.defineProperty(record, name, { ...OWN, value });
}
