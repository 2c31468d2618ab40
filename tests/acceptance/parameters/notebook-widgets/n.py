# Databricks notebook source
print(dbutils.widgets.getAll())
