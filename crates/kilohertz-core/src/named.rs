//! Enums whose variants have stable names, declared once.

/// Declares an enum with a stable name for each variant: `ALL` lists the variants in their order, and
/// `as_str` returns a variant's name.
///
/// ```
/// kilohertz_core::named! {
///     /// A colour.
///     #[derive(Debug, Clone, Copy, PartialEq, Eq)]
///     pub enum Colour {
///         /// As of a rose.
///         Red = "red",
///         /// As of the sky.
///         Blue = "blue",
///     }
/// }
/// assert_eq!(Colour::ALL.map(Colour::as_str), ["red", "blue"]);
/// ```
#[macro_export]
macro_rules! named {
    (
        $(#[$meta:meta])*
        $vis:vis enum $Name:ident {
            $($(#[$about:meta])* $Variant:ident = $name:literal,)*
        }
    ) => {
        $(#[$meta])*
        $vis enum $Name {
            $($(#[$about])* $Variant,)*
        }

        impl $Name {
            /// All of them, in their order.
            $vis const ALL: [$Name; [$($name),*].len()] = [$($Name::$Variant),*];

            /// The stable name.
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $($Name::$Variant => $name,)*
                }
            }
        }
    };
}
