//! Bodies are JSON objects. What serde derives for a struct also reads an array, as the fields in their order, which no
//! client means: `["1","abby",6]` would be a rating.

/// Makes types readable from objects only, wherever in a body they stand. They derive as `#[serde(remote = "Self")]`,
/// which makes functions of their own of what serde derives; the traits are implemented here, around them.
macro_rules! objects {
    ($($body:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $body {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Object;

                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $body;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        map: A,
                    ) -> Result<$body, A::Error> {
                        <$body>::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }

                deserializer.deserialize_map(Object)
            }
        }

        impl serde::Serialize for $body {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$body>::serialize(self, serializer)
            }
        }
    )+};
}
pub(super) use objects;
