//! What the org is made of: objects and their fields, and how one names them.

mod objects;
mod service;

pub(super) use service::ACTIVATED;

/// A column's type, with what its type decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Text(usize),
    LongText(usize),
    Email,
    Phone,
    Url,
    /// Values; an unlisted one is refused when the flag is set.
    Picklist(&'static [&'static str], bool),
    Boolean,
    Integer,
    /// Total digits and places after the point.
    Number(u32, u32),
    Currency(u32, u32),
    Date,
    DateTime,
    /// Object it points to and the name of the way there.
    Reference(&'static str, &'static str),
    /// Prefix and digits of a number the org gives.
    AutoNumber(&'static str, usize),
    /// Read-only object made of the components that start with the prefix.
    Address(&'static str),
    /// Read-only, first and last name.
    PersonName,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) external: bool,
    pub(super) unique: bool,
    pub(super) createable: bool,
    pub(super) updateable: bool,
}

impl Field {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Field { name, kind, required: false, external: false, unique: false, createable: true, updateable: true }
    }

    pub(super) const fn required(self) -> Self {
        Field { required: true, ..self }
    }

    /// External id, unique and case-sensitive.
    pub(super) const fn key(self) -> Self {
        Field { external: true, unique: true, ..self }
    }

    /// External id that several records may share.
    pub(super) const fn lookup(self) -> Self {
        Field { external: true, ..self }
    }

    /// May be set at creation, never changed.
    pub(super) const fn fixed(self) -> Self {
        Field { updateable: false, ..self }
    }

    pub(super) const fn read_only(self) -> Self {
        Field { createable: false, updateable: false, ..self }
    }

    pub(super) fn custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Name of the way to the parent, for a reference.
    pub(super) fn relationship(&self) -> Option<&'static str> {
        if let Kind::Reference(_, way) = self.kind { Some(way) } else { None }
    }
}

/// What is particular to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A rule of the package: `AND(NOT(ISNEW()), Mesh_Version__c < PRIORVALUE(Mesh_Version__c))` is an error.
    VersionNeverFalls,
    /// Master-detail by this column: a record goes with its master.
    DetailBy(&'static str),
    /// Setup's own; the API only reads it.
    Setup,
    /// Exists only where Field Service or Order Management is on.
    ReturnsFeature,
}

/// One object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) prefix: &'static str,
    pub(super) fields: &'static [Field],
    /// Child relationships: name, child object, child's reference field.
    pub(super) children: &'static [(&'static str, &'static str, &'static str)],
    pub(super) rules: &'static [Rule],
}

/// Columns every object has.
const SYSTEM: &[Field] = &[
    Field::new("Id", Kind::Id).read_only(),
    Field::new("IsDeleted", Kind::Boolean).read_only(),
    Field::new("OwnerId", Kind::Reference("User", "Owner")).read_only(),
    Field::new("CreatedDate", Kind::DateTime).read_only(),
    Field::new("CreatedById", Kind::Reference("User", "CreatedBy")).read_only(),
    Field::new("LastModifiedDate", Kind::DateTime).read_only(),
    Field::new("LastModifiedById", Kind::Reference("User", "LastModifiedBy")).read_only(),
    Field::new("SystemModstamp", Kind::DateTime).read_only(),
];

impl Object {
    /// Every column, the system's first.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static Field> {
        SYSTEM.iter().chain(self.fields.iter())
    }

    /// A column by name; case does not matter.
    pub(super) fn column(&self, name: &str) -> Option<&'static Field> {
        self.columns().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The reference column behind a relationship's name.
    pub(super) fn way(&self, relationship: &str) -> Option<&'static Field> {
        self.columns().find(|field| field.relationship().is_some_and(|way| way.eq_ignore_ascii_case(relationship)))
    }

    pub(super) fn custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Whether a record goes when the record in this column goes.
    pub(super) fn goes_with(&self, column: &str) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::DetailBy(by) if *by == column))
    }

    /// Whether the API may write it at all.
    pub(super) fn writable(&self) -> bool {
        !self.rules.contains(&Rule::Setup)
    }
}

/// Every object, those of features that are off as well.
pub(super) fn every() -> impl Iterator<Item = &'static Object> {
    objects::OBJECTS.iter().chain(service::OBJECTS)
}

/// An object by name, whether its feature is on or not; case does not matter.
pub(super) fn object(name: &str) -> Option<&'static Object> {
    every().find(|object| object.name.eq_ignore_ascii_case(name))
}
