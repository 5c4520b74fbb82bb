//! The types that a type is made of, as far as its tokens tell.

use syn::{GenericArgument, PathArguments, Type};

/// The types within a type, at every level: of `Json<Vec<Invoice>>`, `Vec<Invoice>` and `Invoice`.
pub(crate) fn parts(ty: &Type) -> Vec<&Type> {
    let direct: Vec<&Type> = match ty {
        Type::Array(array) => vec![&array.elem],
        Type::Group(group) => return parts(&group.elem),
        Type::Paren(paren) => return parts(&paren.elem),
        Type::Path(path) => path.path.segments.iter().flat_map(arguments).collect(),
        Type::Reference(reference) => vec![&reference.elem],
        Type::Slice(slice) => vec![&slice.elem],
        Type::Tuple(tuple) => tuple.elems.iter().collect(),
        _ => Vec::new(),
    };
    direct.into_iter().flat_map(|part| [vec![part], parts(part)].concat()).collect()
}

fn arguments(segment: &syn::PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

    use super::parts;

    #[test]
    fn parts_are_found_at_every_level() {
        let ty = syn::parse_quote!(&'a a::B<'a, Json<[(C, D<7>); 2]>, E>);
        let found: Vec<_> =
            parts(&ty).iter().map(|part| part.to_token_stream().to_string()).collect();
        let expected = [
            quote!(a::B<'a, Json<[(C, D<7>); 2]>, E>),
            quote!(Json<[(C, D<7>); 2]>),
            quote!([(C, D<7>); 2]),
            quote!((C, D<7>)),
            quote!(C),
            quote!(D<7>),
            quote!(E),
        ];
        assert_eq!(found, expected.map(|tokens| tokens.to_string()));
    }
}
