/** The provider's token; what it provides is a LastUse. */
export const LAST_USE = Symbol('LastUse');
