//! The Node-API boundary of kilohertz.
