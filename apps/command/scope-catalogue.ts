/** The provider's token; what it provides is a ScopeCatalogue. */
export const SCOPE_CATALOGUE = Symbol('ScopeCatalogue');
