-- a comment; no statement
create table t (a text);
insert into t values ('x;y');
select * from t
