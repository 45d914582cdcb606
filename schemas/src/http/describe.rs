//! How OpenAPI describes what serde reads in more than one way.

use std::borrow::Cow;

use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::options::Options;
use super::rating::{GivenRating, RatingBody};

type Named = (String, RefOr<Schema>);

/// An identifier in a body: see `id` in the module of ratings.
pub(super) struct Id;

impl PartialSchema for Id {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .min_length(Some(1))
            .max_length(Some(crate::id::MAX_ID_BYTES))
            .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*$"));
        let number = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(isize::MIN))
            .maximum(Some(usize::MAX));
        OneOfBuilder::new()
            .description(Some(
                "At most 128 bytes of UTF-8 without control characters, compared as bytes. An integer stands for its \
                 decimal text.",
            ))
            .item(text)
            .item(number)
            .into()
    }
}

impl ToSchema for Id {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Id")
    }
}

/// An object with a number `rating`, some names of which exactly one of each group must be there, and maybe options.
fn rating_object(groups: &[[&str; 2]], has_options: bool) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(SchemaType::new(Type::Number));
    let number = number.description(Some("In the store's range, see `/versions/current`."));
    let mut object = ObjectBuilder::new().property("rating", number).required("rating");
    for name in groups.iter().flatten() {
        object = object.property(*name, Ref::from_schema_name("Id"));
    }
    if has_options {
        let none = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
        let options = OneOfBuilder::new().item(none).item(Ref::from_schema_name("Options"));
        object = object.property("options", options);
    }
    object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn one_of_each(object: ObjectBuilder, groups: &[[&str; 2]], description: &str) -> RefOr<Schema> {
    let mut all = AllOfBuilder::new().description(Some(description)).item(object);
    for group in groups {
        let either = group.iter().fold(OneOfBuilder::new(), |either, name| {
            either.item(ObjectBuilder::new().required(*name))
        });
        all = all.item(either);
    }
    all.into()
}

fn push<T: ToSchema>(schemas: &mut Vec<Named>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

impl PartialSchema for RatingBody {
    fn schema() -> RefOr<Schema> {
        const GROUPS: [[&str; 2]; 2] = [["movieID", "itemId"], ["user", "userId"]];
        let description = "One rating. `itemId` and `userId` are other names for `movieID` and `user`. At most 4096 bytes.";
        one_of_each(rating_object(&GROUPS, true), &GROUPS, description)
    }
}

impl ToSchema for RatingBody {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Rating")
    }

    fn schemas(schemas: &mut Vec<Named>) {
        push::<Id>(schemas);
        push::<Options>(schemas);
    }
}

impl PartialSchema for GivenRating {
    fn schema() -> RefOr<Schema> {
        const GROUPS: [[&str; 2]; 1] = [["movieID", "itemId"]];
        let description = "One rating of a list that is scored and not stored. `itemId` is another name for `movieID`.";
        one_of_each(rating_object(&GROUPS, false), &GROUPS, description)
    }
}

impl ToSchema for GivenRating {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("GivenRating")
    }

    fn schemas(schemas: &mut Vec<Named>) {
        push::<Id>(schemas);
    }
}
